import type { PhoneRegistration, PushListener } from './phones.ts'
import type { AcceptedPush } from './pushes.ts'
import type { Simulator } from './simulator.ts'

/** The part of Apple or Google that a phone needs: an address for its app, and the pushes to it. */
export type PushService = {
  /** Gives an app installation its token. */
  register(registration: PhoneRegistration): Promise<string>
  /** Passes every later push of the token to the listener; call the result to stop. */
  listen(token: string, listener: PushListener): () => void
  /** Network on or off. */
  setOnline(token: string, online: boolean): Promise<void>
  /** The app is removed: the token is invalid from now on. */
  remove(token: string): Promise<void>
  close(): Promise<void>
}

/** The push services of a simulator in this process. */
export function pushServiceOf({ phones }: Pick<Simulator, 'phones'>): PushService {
  return {
    register: async (registration) => phones.register(registration).token,
    listen: (token, listener) => phones.listen(token, listener),
    setOnline: async (token, online) => {
      if (online) phones.online(token)
      else phones.offline(token)
    },
    remove: async (token) => phones.unregister(token),
    close: async () => undefined,
  }
}

/**
 * The push services of a simulator in another process, through its control API. One event stream
 * carries the pushes of all phones, so that thousands of them cost one connection. Throws when
 * there is no answer.
 */
export async function connectPushService(controlUrl: string): Promise<PushService> {
  const listeners = new Map<string, Set<PushListener>>()
  const leaving = new AbortController()
  const stream = await fetch(`${controlUrl}/pushes`, { signal: leaving.signal })
  if (!stream.ok || !stream.body) {
    throw new Error(`no simulator answers at ${controlUrl}: start one with simulator/main.ts`)
  }
  const reading = readPushes(stream.body, (push) => {
    for (const listener of listeners.get(push.token) ?? []) listener(push)
  }).catch((error: unknown) => {
    if (!leaving.signal.aborted) throw error
  })
  return {
    register: async (registration) => {
      const phone = await call(controlUrl, 'POST', '/phones', registration)
      return ((await phone.json()) as { readonly token: string }).token
    },
    listen: (token, listener) => {
      const own: PushListener = (push) => listener(push)
      const ofToken = listeners.get(token) ?? new Set()
      listeners.set(token, ofToken.add(own))
      return () => void ofToken.delete(own)
    },
    setOnline: async (token, online) => {
      await call(controlUrl, 'PUT', `/phones/${encodeURIComponent(token)}/online`, { online })
    },
    remove: async (token) => {
      await call(controlUrl, 'DELETE', `/phones/${encodeURIComponent(token)}`)
    },
    close: async () => {
      leaving.abort()
      await reading
    },
  }
}

async function call(
  controlUrl: string,
  method: string,
  path: string,
  body?: object,
): Promise<Response> {
  const response = await fetch(`${controlUrl}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  if (response.ok) return response
  throw new Error(
    `the simulator refused ${method} ${path} with ${response.status}: ${await response.text()}`,
  )
}

/** Reads server-sent events as the control API writes them: one `data` line per push. */
async function readPushes(
  body: ReadableStream<Uint8Array>,
  onPush: (push: AcceptedPush) => void,
): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.startsWith('data: ')) onPush(JSON.parse(line.slice(6)) as AcceptedPush)
    }
  }
}
