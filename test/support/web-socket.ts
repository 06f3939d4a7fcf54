// The server's side of WebSocket (RFC 6455), as far as a browser's push connection needs it: text
// in single frames.

import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

const acceptKey = (key: string) =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

/** A frame with a text; servers do not mask (RFC 6455, 5.1). */
function frameOf(text: string): Buffer {
  const payload = Buffer.from(text)
  const head = payload.length < 126 ? Buffer.from([0x81, payload.length]) : Buffer.alloc(4)
  if (payload.length >= 126) {
    head.set([0x81, 126])
    head.writeUInt16BE(payload.length, 2)
  }
  return Buffer.concat([head, payload])
}

/** The first frame in the bytes, and what follows it; undefined while it is incomplete. */
function readFrame(bytes: Buffer) {
  if (bytes.length < 2) return undefined
  const short = (bytes[1] ?? 0) & 127
  const at = short === 126 ? 4 : 2
  if (bytes.length < at + 4) return undefined
  const length = short === 126 ? bytes.readUInt16BE(2) : short
  const end = at + 4 + length
  if (bytes.length < end) return undefined
  const mask = bytes.subarray(at, at + 4)
  const payload = bytes.subarray(at + 4, end).map((byte, index) => byte ^ (mask[index & 3] ?? 0))
  const opcode = (bytes[0] ?? 0) & 15
  return { opcode, text: Buffer.from(payload).toString('utf8'), rest: bytes.subarray(end) }
}

/** Accepts an upgrade, and passes on each text; returns how to send one. */
export function acceptWebSocket(
  { headers }: IncomingMessage,
  socket: Duplex,
  onText: (text: string) => void,
): (text: string) => void {
  const protocol = headers['sec-websocket-protocol']
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'upgrade: websocket',
    'connection: upgrade',
    `sec-websocket-accept: ${acceptKey(String(headers['sec-websocket-key']))}`,
    ...(protocol ? [`sec-websocket-protocol: ${protocol}`] : []),
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  let bytes: Buffer = Buffer.alloc(0)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    for (let frame = readFrame(bytes); frame; frame = readFrame(bytes)) {
      bytes = frame.rest
      if (frame.opcode === 1) onText(frame.text)
      if (frame.opcode === 8) socket.end()
    }
  })
  return (text) => void socket.write(frameOf(text))
}
