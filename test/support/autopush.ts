// The push connection of Firefox (autopush, over WebSocket): subscribes it at the simulator's push
// service, and hands it what that accepts.

import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Simulator } from '../../simulator/simulator.ts'
import { acceptWebSocket } from './web-socket.ts'

type Message = {
  readonly messageType?: string
  readonly channelID?: string
  /** The `applicationServerKey`. */
  readonly key?: string
  readonly uaid?: string
}

/** Serves the push connection on this server, and records what Firefox acknowledges. */
export function serveAutopush(server: Server, { browsers }: Simulator) {
  const acknowledgements: object[] = []
  const sockets = new Set<Duplex>()
  let isOpen = false
  let isForgotten = false
  server.on('upgrade', (request, socket) => {
    sockets.add(socket)
    const send = acceptWebSocket(request, socket, (text) => {
      const message: Message = JSON.parse(text)
      const answer = (more: object) =>
        send(JSON.stringify({ messageType: message.messageType, status: 200, ...more }))
      const { channelID } = message
      if (message.messageType === 'hello') {
        const formerId = isForgotten ? '' : message.uaid
        const uaid = formerId || randomUUID().replaceAll('-', '')
        isForgotten = false
        answer({ uaid, use_webpush: true, broadcasts: {} })
        isOpen = true
      }
      if (message.messageType === 'unregister') answer({ channelID })
      if (message.messageType === 'ack') acknowledgements.push(message)
      if (message.messageType === 'register') {
        const pushEndpoint = browsers.admit(keyOf(message))
        browsers.listen(pushEndpoint, ({ id: version, body }) => {
          const data = body.toString('base64url')
          const headers = { encoding: 'aes128gcm' }
          const push = { messageType: 'notification', channelID, version, data, headers }
          send(JSON.stringify(push))
        })
        answer({ channelID, pushEndpoint })
      }
    })
  })
  return {
    acknowledgements: acknowledgements as readonly object[],
    /** Whether Firefox has greeted. */
    isOpen: () => isOpen,
    /**
     * Forgets Firefox, which is greeted under another name then: it drops every subscription, and
     * tells the workers of the pages.
     */
    forget() {
      isForgotten = true
      for (const socket of sockets) socket.destroy()
      sockets.clear()
    },
    /** Ends the connections, which those of the server do not include. */
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Firefox spells the key in base64url, with padding in some versions. */
const keyOf = ({ key = '' }: Message) => Buffer.from(key, 'base64').toString('base64url')
