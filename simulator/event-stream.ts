import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BrowserPush } from './browsers.ts'
import type { AcceptedPush } from './pushes.ts'

/** Below the idle limits of common proxies. */
const HEARTBEAT_MS = 15_000

/**
 * Answers with server-sent events (HTML standard, 9.2): one per push, its `sequence` as event id,
 * until the client disconnects. `listen` subscribes and returns the function that unsubscribes.
 */
export function streamPushes(
  request: IncomingMessage,
  response: ServerResponse,
  listen: (listener: (push: AcceptedPush) => void) => () => void,
): void {
  stream(request, response, (send) =>
    listen((push) => send(`id: ${push.sequence}\nevent: push\ndata: ${JSON.stringify(push)}\n\n`)),
  )
}

/** The same for pushes to browsers, whose bodies are in base64url. */
export function streamBrowserPushes(
  request: IncomingMessage,
  response: ServerResponse,
  listen: (listener: (push: BrowserPush) => void) => () => void,
): void {
  stream(request, response, (send) =>
    listen(({ body, ...push }) => {
      const data = JSON.stringify({ ...push, body: body.toString('base64url') })
      send(`id: ${push.id}\nevent: push\ndata: ${data}\n\n`)
    }),
  )
}

function stream(
  request: IncomingMessage,
  response: ServerResponse,
  listen: (send: (event: string) => void) => () => void,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': listening\n\n')
  const stop = listen((event) => void response.write(event))
  const heartbeat = setInterval(() => response.write(': still here\n\n'), HEARTBEAT_MS)
  const end = (): void => {
    clearInterval(heartbeat)
    stop()
  }
  request.on('error', end)
  response.on('error', end)
  response.on('close', end)
}
