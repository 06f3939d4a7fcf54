import { request } from 'node:https'
import { exchange, readBody } from '../../platform/net/guarded-client.ts'
import type { Clock } from '../../platform/world.ts'
import { plainText } from '../push-log.adapter.ts'
import type { DeadlineAgent } from './deadline-agent.ts'

/** The fields of a Google service account's JSON file that sending needs. */
export type ServiceAccount = {
  readonly project_id: string
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id: string
}

export type AccessToken =
  /** `expiresAtMs` is on `performance.now()`'s clock. */
  | { readonly kind: 'token'; readonly token: string; readonly expiresAtMs: number }
  /** Google refused the service account. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** No usable answer. */
  | { readonly kind: 'unreachable'; readonly reason: string }

export type AccessTokens = {
  /** The current token; concurrent callers share one fetch. Never rejects. */
  current(): Promise<AccessToken>
  /** Drops this token, because it was refused; does nothing when another has replaced it. */
  invalidate(token: string): void
}

export type AccessTokensOptions = {
  readonly serviceAccount: ServiceAccount
  readonly agent: DeadlineAgent
  /** For one fetch. */
  readonly deadlineMs: number
  readonly clock: Clock
}

type Reply = { readonly status: number; readonly body: string }

/**
 * Also the `aud` of the assertion. The file's `token_uri` is not read: Google's own libraries
 * ignore it too.
 */
const TOKEN_ENDPOINT = 'https://oauth2.googleapis.com/token'
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const REPLY_BYTES_MAX = 64 * 1024
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** A token with less time left is replaced, so that none expires in transit. */
const REFRESH_BEFORE_MS = 5 * 60 * 1000

/** A self-signed grant for an access token (RFC 7523, 2.1 and 3). */
async function signAssertion(account: ServiceAccount, clock: Clock): Promise<string> {
  // Needed once an hour, and nowhere else.
  const [{ SignJWT }, { importPKCS8 }] = await Promise.all([
    import('jose/jwt/sign'),
    import('jose/key/import'),
  ])
  const key = await importPKCS8(account.private_key, 'RS256')
  const issuedAt = Math.floor(clock.now().getTime() / 1000)
  return await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: account.private_key_id })
    .setIssuer(account.client_email)
    .setAudience(TOKEN_ENDPOINT)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + 3600)
    .sign(key)
}

function post(agent: DeadlineAgent, form: URLSearchParams): Promise<Reply> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const call = request(TOKEN_ENDPOINT, { method: 'POST', agent, headers })
  return exchange(call, form.toString(), async (reply) => {
    return { status: reply.statusCode ?? 0, body: await readBody(reply, REPLY_BYTES_MAX) }
  })
}

function parseObject(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** Success and errors as in RFC 6749, 5.1 and 5.2. */
function readReply({ status, body }: Reply, nowMs: number): AccessToken {
  const { access_token: token, expires_in: seconds, error } = parseObject(body)
  if (status === 200 && typeof token === 'string' && typeof seconds === 'number' && seconds > 0) {
    return { kind: 'token', token, expiresAtMs: nowMs + seconds * 1000 }
  }
  const reason = plainText(`${status} ${typeof error === 'string' ? error : 'no reason given'}`)
  const isRefusal = (status === 400 || status === 401) && typeof error === 'string'
  return { kind: isRefusal ? 'refused' : 'unreachable', reason }
}

async function fetchToken(options: AccessTokensOptions): Promise<AccessToken> {
  const { agent, deadlineMs, serviceAccount, clock } = options
  try {
    const assertion = await signAssertion(serviceAccount, clock)
    const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion })
    // A deadline of its own: the fetch serves all concurrent callers, not only the first.
    const deadline = { at: performance.now() + deadlineMs }
    return readReply(await agent.within(deadline, () => post(agent, form)), performance.now())
  } catch (error) {
    const text = error instanceof Error ? error.message : 'unknown failure'
    return { kind: 'unreachable', reason: plainText(text) }
  }
}

/** The OAuth access token of a service account, cached until shortly before it expires. */
export function buildAccessTokens(options: AccessTokensOptions): AccessTokens {
  let current: Extract<AccessToken, { kind: 'token' }> | undefined
  let fetching: Promise<AccessToken> | undefined

  const refresh = async (): Promise<AccessToken> => {
    const fetchedToken = await fetchToken(options)
    fetching = undefined
    if (fetchedToken.kind === 'token') current = fetchedToken
    // While Google's token endpoint is down, the current token is used until it expires.
    else if (
      fetchedToken.kind === 'unreachable' &&
      current &&
      current.expiresAtMs > performance.now()
    )
      return current
    return fetchedToken
  }

  return {
    current: async () => {
      if (current && current.expiresAtMs - performance.now() > REFRESH_BEFORE_MS) return current
      fetching ??= refresh()
      return await fetching
    },
    invalidate: (token) => {
      if (current?.token === token) current = undefined
    },
  }
}
