import type { PushProxy } from '../../platform/net/proxy-tunnel.ts'
import type { Clock } from '../../platform/world.ts'
import { buildBoundedProvider } from '../bounded-provider.adapter.ts'
import { requirePrivateKey } from '../private-key.adapter.ts'
import type { PushMessage, PushProvider, PushResult } from '../push.store.ts'
import type { PushLog } from '../push-log.adapter.ts'
import { toFcmMessage } from '../push-payload.adapter.ts'
import { DeadlineAgent } from './deadline-agent.ts'
import { type FcmClient, openFcmClient } from './fcm-client.ts'
import { isAccessTokenRefused, readFcmFailure } from './fcm-replies.ts'
import {
  type AccessToken,
  type AccessTokens,
  buildAccessTokens,
  type ServiceAccount,
} from './google-access-token.ts'

export type FcmOptions = {
  /** The parsed JSON file of a Google service account. */
  readonly serviceAccount: ServiceAccount
  /** The app's package name; other tokens of the same Firebase project are refused. */
  readonly appId: string
  /** Where to connect instead of Google's hosts; host name checks stay Google's. */
  readonly address?: { readonly host: string; readonly port: number }
  /** Authorities to trust instead of the system's, in PEM. */
  readonly ca?: readonly string[]
  /** The HTTP proxy through which to connect, for access tokens as well. */
  readonly proxy?: PushProxy
  /**
   * From the call to the answer, including the wait for a slot and the SDK's own retries; 10,000 by
   * default.
   */
  readonly deadlineMs?: number
  /** Concurrent connections, and with HTTP/1.1 also requests; 32 by default. */
  readonly maxSockets?: number
  readonly clock: Clock
  readonly log: PushLog
}

/**
 * Google's push service through firebase-admin's `send()`, without its pitfalls: the SDK's retries
 * of up to 82 seconds end at our deadline, a refused access token is replaced, and no log line
 * contains one. The SDK is loaded in the background. Throws when the key cannot be used.
 */
export function buildFcmProvider(options: FcmOptions): PushProvider {
  const { serviceAccount, address, ca, proxy, clock } = options
  const { deadlineMs = 10_000, maxSockets = 32 } = options
  requirePrivateKey(
    serviceAccount.private_key,
    (key) => key.asymmetricKeyType === 'rsa',
    'FCM service account: private_key is not an RSA key in PEM; download the JSON file again',
  )
  const agent = new DeadlineAgent({
    maxSockets,
    ...(address && { address }),
    ...(ca && { ca }),
    ...(proxy && { proxy }),
  })
  const tokens = buildAccessTokens({ serviceAccount, agent, deadlineMs, clock })
  const loading = openFcmClient({
    projectId: serviceAccount.project_id,
    agent,
    clock,
    getAccessToken: async () => {
      const access = await tokens.current()
      if (access.kind === 'token') return access.token
      throw new Error(`no access token: ${access.reason}`)
    },
  })
  loading.catch(() => undefined)
  return buildBoundedProvider({
    maxInFlight: maxSockets,
    deadlineMs,
    clock,
    log: options.log,
    attempt: async (message, deadlineAt) => {
      const client = await loading
      return await sendAuthorized({ client, tokens, clock }, message, deadlineAt)
    },
    close: async () => {
      const client = await loading
      await client.close()
      agent.destroy()
    },
  })
}

type Parts = {
  readonly client: FcmClient
  readonly tokens: AccessTokens
  readonly clock: Clock
}

/**
 * Sends; once more with a new access token when Google refuses the current one (revoked, or our
 * time is behind).
 */
async function sendAuthorized(
  { client, tokens, clock }: Parts,
  message: PushMessage,
  deadlineAt: number,
): Promise<PushResult> {
  for (let isFresh = false; ; isFresh = true) {
    const access = await tokens.current()
    if (access.kind !== 'token') return withoutToken(access)
    const outcome = await client.send(toFcmMessage(message, clock.now()), deadlineAt)
    if ('id' in outcome) return { kind: 'accepted', providerMessageId: outcome.id }
    if (isFresh || !isAccessTokenRefused(outcome.failure)) return readFcmFailure(outcome.failure)
    tokens.invalidate(access.token)
  }
}

function withoutToken({ kind, reason }: Exclude<AccessToken, { kind: 'token' }>): PushResult {
  if (kind === 'unreachable') {
    return { kind: 'retry', reason: `no access token: ${reason}`, down: true }
  }
  const advice = 'check its key and the clock of the database'
  return { kind: 'misconfigured', reason: `FCM: service account refused: ${reason}; ${advice}` }
}
