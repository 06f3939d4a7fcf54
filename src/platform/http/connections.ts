// What one connection may ask of the server, and how long it may leave answers unread.

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ServerLimits } from './server-limits.ts'

type ConnectionLimits = Pick<
  ServerLimits,
  'pipelinedUnderWayMax' | 'pipelinedWaitingMax' | 'unreadMs'
>
type Exchange = readonly [request: IncomingMessage, response: ServerResponse]
type Pipeline = { underWay: number; readonly waiting: Exchange[] }

/**
 * Limits the requests in progress on one connection (HTTP pipelining). Node dispatches every
 * request of a packet, which may hold a thousand, whether or not anybody reads the answers. Those
 * beyond the limit wait; a connection with too many is closed.
 */
export function boundPipelines(server: Server, limits: ConnectionLimits): void {
  const pipelines = new WeakMap<Socket, Pipeline>()
  const handlers = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')

  function begin(pipeline: Pipeline, [request, response]: Exchange): void {
    pipeline.underWay++
    response.once('close', () => {
      pipeline.underWay--
      const next = pipeline.waiting.shift()
      if (next && !request.socket.destroyed) begin(pipeline, next)
    })
    for (const handle of handlers) handle.call(server, request, response)
  }

  server.on('request', (request, response) => {
    const { socket } = request
    if (socket.destroyed) return
    const pipeline = pipelines.get(socket) ?? { underWay: 0, waiting: [] }
    pipelines.set(socket, pipeline)
    if (pipeline.underWay < limits.pipelinedUnderWayMax) begin(pipeline, [request, response])
    else if (pipeline.waiting.length < limits.pipelinedWaitingMax) {
      pipeline.waiting.push([request, response])
    } else socket.destroy()
  })
  closeUnread(server, limits, (socket) => (pipelines.get(socket)?.underWay ?? 0) > 0)
}

/**
 * Closes connections whose client does not read what is written. Node's own timer reports
 * connections that are idle in both directions: those of clients that wait for an answer are left
 * alone.
 */
function closeUnread(
  server: Server,
  { unreadMs }: ConnectionLimits,
  isUnderWay: (socket: Socket) => boolean,
): void {
  server.setTimeout(unreadMs)
  server.on('timeout', (socket) => {
    if (socket.writableLength > 0 || !isUnderWay(socket)) socket.destroy()
  })
}
