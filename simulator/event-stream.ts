import type { IncomingMessage, ServerResponse } from 'node:http'
import type { PushListener } from './phones.ts'

/** Below the idle limits of common proxies. */
const HEARTBEAT_MS = 15_000

/**
 * Answers with server-sent events (HTML standard, 9.2): one per push, its `sequence` as event id,
 * until the client disconnects. `listen` subscribes and returns the function that unsubscribes.
 */
export function streamPushes(
  request: IncomingMessage,
  response: ServerResponse,
  listen: (listener: PushListener) => () => void,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': listening\n\n')
  const stop = listen((push) => {
    response.write(`id: ${push.sequence}\nevent: push\ndata: ${JSON.stringify(push)}\n\n`)
  })
  const heartbeat = setInterval(() => response.write(': still here\n\n'), HEARTBEAT_MS)
  const end = (): void => {
    clearInterval(heartbeat)
    stop()
  }
  request.on('error', end)
  response.on('error', end)
  response.on('close', end)
}
