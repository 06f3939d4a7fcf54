import { type IncomingMessage, request, type ServerResponse } from 'node:http'

/** Hop-by-hop headers (RFC 9110, 7.6.1), and those that name this server. */
const ownHeaders = new Set([
  'connection',
  'cookie',
  'host',
  'keep-alive',
  'origin',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Forwards a request, as a reverse proxy in front of a service does, and streams the response back:
 * event streams too. Cookies are not forwarded. Answers 502 when the service is unreachable.
 */
export function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  origin: string,
  target: string,
): void {
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).filter(([name]) => !ownHeaders.has(name)),
  )
  const onward = request(origin + target, { method: incoming.method, headers, agent: false })
  onward.on('response', (answer) => {
    const { connection: _, 'transfer-encoding': __, ...answerHeaders } = answer.headers
    outgoing.writeHead(answer.statusCode ?? 502, answerHeaders)
    answer.pipe(outgoing)
    answer.on('error', () => outgoing.destroy())
  })
  onward.on('error', () => {
    if (!outgoing.headersSent) outgoing.writeHead(502, { 'content-type': 'text/plain' })
    outgoing.end()
  })
  outgoing.on('close', () => onward.destroy())
  incoming.pipe(onward)
}
