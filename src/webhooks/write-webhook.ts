import type { ChallengeStore } from '../challenges/challenge.store.ts'
import type { EndedChallenges } from '../challenges/memory/ended-challenges.ts'
import { signResult } from '../challenges/read-challenge.ts'
import type { ChallengeId, TenantId, WebhookEndpointId } from '../domain/ids.ts'
import { carriesResult } from '../domain/webhook-event.ts'
import type { Sealing } from '../platform/world.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'
import type { DueWebhook } from './webhook.store.ts'

export type Dependencies = {
  readonly challenges: Pick<ChallengeStore, 'find'>
  /** Those that this process has just ended need not be read. */
  readonly endedChallenges: Pick<EndedChallenges, 'find'>
  readonly signingKeys: SigningKeys
  readonly publicOrigin: string
  readonly sealing: Pick<Sealing, 'open'>
}

/** Binding under which the secrets of an endpoint are sealed. */
export function webhookSecretBinding(tenantId: TenantId, id: WebhookEndpointId): string {
  return `webhook-secret:${tenantId}:${id}`
}

/**
 * The body of a due webhook, `{type, timestamp, data}`, and the secrets that sign it. The result of
 * a challenge is signed for each attempt, as it is valid for a minute; its `jti` stays, and so does
 * everything else.
 */
export async function writeWebhook(
  dependencies: Dependencies,
  due: DueWebhook,
): Promise<{ readonly body: string; readonly secrets: readonly string[] }> {
  const { tenantId, endpointId, type, occurredAt, secretSealed, previousSealed } = due
  const binding = webhookSecretBinding(tenantId, endpointId)
  const sealedSecrets = [secretSealed, ...(previousSealed ? [previousSealed] : [])]
  const data = carriesResult(type)
    ? { ...due.data, result: await resultOf(dependencies, due) }
    : due.data
  return {
    body: JSON.stringify({ type, timestamp: occurredAt.toISOString(), data }),
    secrets: sealedSecrets.map((secret) => dependencies.sealing.open(secret, binding)),
  }
}

async function resultOf(dependencies: Dependencies, { tenantId, rpId, data }: DueWebhook) {
  const id = data.challengeId as ChallengeId
  const { challenges, endedChallenges } = dependencies
  const record =
    endedChallenges.find(tenantId, rpId, id) ?? (await challenges.find(tenantId, rpId, id))
  return record && signResult(dependencies, record)
}
