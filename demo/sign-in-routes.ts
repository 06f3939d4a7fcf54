import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { RefusedCall } from '../clients/typescript/src/client.ts'
import type { RelyingParty } from './relying-party.ts'
import { type Browser, SignIn } from './sign-in.ts'

const cookieName = 'larkfield_session'
const browserCookieName = 'larkfield_browser'
const browserCookieSeconds = 365 * 24 * 60 * 60
const sessionsMax = 1000
const waitMs = 25_000
const bodyBytesMax = 4096

const credentials = z.strictObject({
  user: z
    .string()
    .trim()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,63}$/u, 'Use letters and digits for the name.')
    .transform((name) => name.normalize('NFC').toLowerCase()),
  password: z.string().min(1, 'Type a password; in this demo any will do.'),
})
const deviceSchema = z.strictObject({ deviceId: z.string() })

/**
 * The company's own small API for its sign-in page: one session per browser, in a cookie that
 * scripts cannot read.
 */
export function createSignInRoutes(party: RelyingParty) {
  const sessions = new Map<string, SignIn>()

  const sessionOf = (request: IncomingMessage): SignIn | undefined => {
    return sessions.get(cookieOf(request, cookieName) ?? '')
  }
  const open = (request: IncomingMessage, response: ServerResponse): SignIn => {
    sessionOf(request)?.leave()
    const browser = browserOf(request)
    const session = new SignIn(party, browser)
    sessions.set(session.sessionId, session)
    const [oldest] = sessions.values()
    if (sessions.size > sessionsMax && oldest) {
      oldest.close()
      sessions.delete(oldest.sessionId)
    }
    const rules = 'Path=/api/sign-in; HttpOnly; SameSite=Strict'
    response.setHeader('set-cookie', [
      `${cookieName}=${session.sessionId}; ${rules}`,
      `${browserCookieName}=${browser.id}; ${rules}; Max-Age=${browserCookieSeconds}`,
    ])
    return session
  }
  const fresh = new SignIn(party, { id: '', ip: '', location: '', name: '' }).view

  const handle = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const action = url.pathname.slice('/api/sign-in'.length)
    try {
      if (request.method === 'GET' && action === '') {
        const session = sessionOf(request)
        await session?.changedSince(Number(url.searchParams.get('after') ?? -1), waitMs)
        reply(response, 200, session?.view ?? fresh)
        return
      }
      if (request.method === 'GET' && action === '/portal') {
        const address = await sessionOf(request)?.portalAddress()
        response.writeHead(303, { location: address ?? '/', 'cache-control': 'no-store' }).end()
        return
      }
      if (request.method !== 'POST') {
        reply(response, 405, { detail: 'GET or POST' })
        return
      }
      const session = await act(action, request, sessionOf(request), () => open(request, response))
      reply(response, session ? 200 : 404, session?.view ?? { detail: 'There is no such action.' })
    } catch (error) {
      replyError(response, error)
    }
  }
  return {
    /** Answers a call below `/api/sign-in`. */
    handle,
    /** Ends all pending waits. */
    close: () => {
      for (const session of sessions.values()) session.close()
    },
  }
}

async function act(
  action: string,
  request: IncomingMessage,
  session: SignIn | undefined,
  open: () => SignIn,
): Promise<SignIn | undefined> {
  if (action === '') {
    const { user } = credentials.parse(await readJson(request))
    const signIn = open()
    await signIn.begin(user)
    return signIn
  }
  if (!session) throw new RefusedCall(401, 'signed_out', 'Sign in first.')
  const actions: Record<string, () => Promise<void> | void> = {
    '/push-again': () => session.pushAgain(),
    '/cancel': () => session.cancel(),
    '/leave': () => session.leave(),
    '/add-phone': () => session.addPhone(),
    '/unregister-all': () => session.unregisterAll(),
    '/unregister': async () =>
      session.unregister(deviceSchema.parse(await readJson(request)).deviceId),
  }
  const perform = actions[action]
  await perform?.()
  return perform && session
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

/** Refusals that the user can act on, with texts for the user. */
const refusalTexts: Readonly<Record<string, string>> = {
  push_locked:
    'Sign-in with the authenticator is locked for this name. Ask the help desk, or try again later.',
  initiator_blocked:
    'The owner reported a sign-in from this browser. It is refused for a day; here, take another name.',
  too_many_pending:
    'Too many questions wait in the authenticator already. Answer them, or try again in two minutes.',
  user_suspended: 'Sign-in is stopped for this name. Ask the help desk.',
}

function replyError(response: ServerResponse, error: unknown): void {
  if (error instanceof z.ZodError) {
    reply(response, 400, { code: 'invalid', detail: error.issues[0]?.message })
  } else if (error instanceof RefusedCall) {
    const { code, retryAfterSeconds } = error
    const detail = refusalTexts[code] ?? error.message
    reply(response, error.isTransient ? 503 : error.status, { code, detail, retryAfterSeconds })
  } else {
    reply(response, 500, { code: 'internal', detail: String(error) })
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const isJson = request.headers['content-type'] === 'application/json'
  let text = ''
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8')
    if (text.length > bodyBytesMax) break
  }
  try {
    if (isJson && text.length <= bodyBytesMax) return JSON.parse(text)
  } catch {
    // Answered below.
  }
  throw new RefusedCall(400, 'invalid', 'Send a small JSON body.')
}

const browsers: readonly (readonly [RegExp, string])[] = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
]
const systems: readonly (readonly [RegExp, string])[] = [
  [/Windows/, 'Windows'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS/, 'macOS'],
  [/Android/, 'Android'],
  [/Linux/, 'Linux'],
]

/** Of 24 random bytes: nobody can guess the id of another browser. */
const browserIdLength = 32

function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  return new RegExp(`(?:^|; )${name}=([\\w-]+)`).exec(headers.cookie ?? '')?.[1]
}

/**
 * The browser, and what the phone shows about the origin of the sign-in. A real company looks up
 * the location of the address.
 */
function browserOf(request: IncomingMessage): Browser {
  const { headers, socket } = request
  const agent = headers['user-agent'] ?? ''
  const find = (routes: readonly (readonly [RegExp, string])[]) =>
    routes.find(([pattern]) => pattern.test(agent))?.[1]
  const cookie = cookieOf(request, browserCookieName)
  return {
    id: cookie?.length === browserIdLength ? cookie : randomBytes(24).toString('base64url'),
    ip: (socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, ''),
    location: 'This computer',
    name: `${find(browsers) ?? 'A browser'} on ${find(systems) ?? 'an unknown system'}`,
  }
}
