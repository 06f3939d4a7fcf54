import type { ChallengeId, DeviceId, TenantId } from '../domain/ids.ts'

export type AnswerKey = {
  readonly tenantId: TenantId
  readonly challengeId: ChallengeId
  readonly deviceId: DeviceId
  readonly jti: string
}

/** The signed texts of answers that were kept in plain. */
export interface KeptAnswerStore {
  /** Some that are in plain, of all tenants. */
  findPlain(limit: number): Promise<readonly (AnswerKey & { readonly jws: string })[]>
  /** Puts the sealed text in the place of the plain one; what another process has sealed meanwhile stays as it is. */
  saveSealed(answers: readonly (AnswerKey & { readonly sealed: Uint8Array })[]): Promise<void>
}
