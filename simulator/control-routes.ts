import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { browserInput, faultInput, goawayInput, onlineInput, phoneInput } from './control-input.ts'
import { streamBrowserPushes, streamPushes } from './event-stream.ts'
import type { Simulator } from './simulator.ts'

/** One call; `token` is the path's decoded variable segment, if it has one: token or endpoint. */
type Call = {
  readonly simulator: Simulator
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly token: string
}
/** The response: a status with a JSON body, or undefined when the handler responds by itself. */
type Answer = { readonly status: number; readonly body?: unknown } | undefined
/** A call of the control API. */
export type Route = {
  readonly method: string
  readonly path: RegExp
  readonly handle: (call: Call) => Answer | Promise<Answer>
}

/** Refusal of a call, with the text for its sender. */
export class CallError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const BODY_LIMIT_BYTES = 64 * 1024

/** All routes; see the handlers' inputs in control-input. */
export const ROUTES: readonly Route[] = [
  { method: 'GET', path: /^\/configuration$/, handle: readConfiguration },
  { method: 'GET', path: /^\/log$/, handle: readLog },
  {
    method: 'GET',
    path: /^\/pushes$/,
    handle: ({ simulator, request, response }) => {
      streamPushes(request, response, (listener) => simulator.phones.listenToAll(listener))
      return undefined
    },
  },
  { method: 'POST', path: /^\/phones$/, handle: registerPhone },
  { method: 'DELETE', path: /^\/phones\/([^/]+)$/, handle: unregisterPhone },
  { method: 'PUT', path: /^\/phones\/([^/]+)\/online$/, handle: setOnline },
  {
    method: 'GET',
    path: /^\/phones\/([^/]+)\/pushes$/,
    handle: ({ simulator, request, response, token }) => {
      requirePhone(simulator, token)
      streamPushes(request, response, (listener) => simulator.phones.listen(token, listener))
      return undefined
    },
  },
  { method: 'POST', path: /^\/browsers$/, handle: subscribeBrowser },
  { method: 'DELETE', path: /^\/browsers\/([^/]+)$/, handle: unsubscribeBrowser },
  { method: 'PUT', path: /^\/browsers\/([^/]+)\/online$/, handle: setBrowserOnline },
  {
    method: 'GET',
    path: /^\/browsers\/([^/]+)\/pushes$/,
    handle: ({ simulator, request, response, token }) => {
      requireBrowser(simulator, token)
      streamBrowserPushes(request, response, (send) => simulator.browsers.listen(token, send))
      return undefined
    },
  },
  {
    method: 'GET',
    path: /^\/browser-pushes$/,
    handle: ({ simulator, request, response }) => {
      streamBrowserPushes(request, response, (send) => simulator.browsers.listenToAll(send))
      return undefined
    },
  },
  {
    method: 'POST',
    path: /^\/faults$/,
    handle: async ({ simulator, request }) => {
      simulator.faults.add(await readInput(request, faultInput))
      return { status: 204 }
    },
  },
  {
    method: 'DELETE',
    path: /^\/faults$/,
    handle: ({ simulator }) => {
      simulator.faults.clear()
      return { status: 204 }
    },
  },
  {
    method: 'DELETE',
    path: /^\/access-tokens$/,
    handle: ({ simulator }) => {
      simulator.accessTokens.revoke()
      return { status: 204 }
    },
  },
  {
    method: 'POST',
    path: /^\/goaway$/,
    handle: async ({ simulator, request }) => {
      simulator.goaway((await readInput(request, goawayInput)).phases)
      return { status: 204 }
    },
  },
]

function readConfiguration({ simulator }: Call): Answer {
  const { apns, fcm, webPush, caPem, credentials } = simulator
  return { status: 200, body: { apns, fcm, webPush, caPem, credentials } }
}

function readLog({ simulator, url }: Call): Answer {
  const since = Number(url.searchParams.get('since') ?? 0)
  if (!Number.isInteger(since)) throw new CallError(400, 'since must be the sequence of a push')
  return {
    status: 200,
    body: { pushes: simulator.log.since(since), counts: simulator.log.counts() },
  }
}

async function registerPhone({ simulator, request }: Call): Promise<Answer> {
  const registration = await readInput(request, phoneInput)
  if (registration.token !== undefined && simulator.phones.find(registration.token)) {
    throw new CallError(409, 'this token is in use: leave token out to get a fresh one')
  }
  return { status: 201, body: simulator.phones.register(registration) }
}

function unregisterPhone({ simulator, token }: Call): Answer {
  requirePhone(simulator, token)
  simulator.phones.unregister(token)
  return { status: 204 }
}

async function setOnline({ simulator, request, token }: Call): Promise<Answer> {
  requirePhone(simulator, token)
  const { online } = await readInput(request, onlineInput)
  if (online) simulator.phones.online(token)
  else simulator.phones.offline(token)
  return { status: 204 }
}

async function subscribeBrowser({ simulator, request }: Call): Promise<Answer> {
  const { vapidKey, service } = await readInput(request, browserInput)
  return { status: 201, body: simulator.browsers.subscribe(vapidKey, service) }
}

function unsubscribeBrowser({ simulator, token }: Call): Answer {
  requireBrowser(simulator, token)
  simulator.browsers.unsubscribe(token)
  return { status: 204 }
}

async function setBrowserOnline({ simulator, request, token }: Call): Promise<Answer> {
  requireBrowser(simulator, token)
  simulator.browsers.setOnline(token, (await readInput(request, onlineInput)).online)
  return { status: 204 }
}

function requireBrowser(simulator: Simulator, endpoint: string): void {
  if (!simulator.browsers.find(endpoint)) {
    throw new CallError(404, 'no browser has this endpoint: subscribe it with POST /browsers')
  }
}

function requirePhone(simulator: Simulator, token: string): void {
  if (!simulator.phones.find(token)) {
    throw new CallError(404, 'no phone has this token: register it with POST /phones')
  }
}

async function readInput<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new CallError(415, 'send the body as application/json')
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_LIMIT_BYTES)
      throw new CallError(413, `a body has at most ${BODY_LIMIT_BYTES} bytes`)
    chunks.push(chunk)
  }
  let value: unknown
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new CallError(400, 'the body is not JSON')
  }
  const parseResult = schema.safeParse(value)
  if (!parseResult.success) throw new CallError(400, z.prettifyError(parseResult.error))
  return parseResult.data
}
