// A tunnel through an HTTP proxy (CONNECT: RFC 9110, 9.3.6), for networks without direct egress.

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { request } from '../node-http.ts'

/** An HTTP proxy, and the credentials that it requires (Basic: RFC 7617). */
export type PushProxy = {
  readonly host: string
  readonly port: number
  readonly credentials: { readonly user: string; readonly password: string } | null
}

type Target = { readonly host: string; readonly port: number }

const openWithinMs = 5_000
/** Of the headers of the proxy's answer. */
const answerBytesMax = 16 * 1024

function connectThrough({ host, port, credentials }: PushProxy, target: Target): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const hostText = target.host.includes(':') ? `[${target.host}]` : target.host
    const authority = `${hostText}:${target.port}`
    const login =
      credentials && Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')
    const call = request({
      host,
      port,
      method: 'CONNECT',
      path: authority,
      agent: false,
      maxHeaderSize: answerBytesMax,
      headers: { host: authority, ...(login && { 'proxy-authorization': `Basic ${login}` }) },
    })
    const late = () => call.destroy(new Error(`the proxy did not answer in ${openWithinMs} ms`))
    const timer = setTimeout(late, openWithinMs)
    call.once('connect', ({ statusCode }, socket, head) => {
      if (statusCode === 200 && head.length === 0) return resolve(socket)
      socket.destroy()
      reject(new Error(`the proxy refuses ${authority}: status ${statusCode}`))
    })
    call.once('error', reject)
    call.once('close', () => {
      clearTimeout(timer)
      reject(new Error('the proxy closed the connection'))
    })
    call.end()
  })
}

/**
 * A connection to the target through the proxy, usable immediately: writes wait until the tunnel is
 * open. It ends with an error when the proxy refuses, is unreachable, or has not answered within
 * five seconds.
 */
export class ProxyTunnel extends Duplex {
  readonly #opening: Promise<Socket>
  #socket: Socket | undefined

  constructor(proxy: PushProxy, target: Target) {
    super()
    this.#opening = connectThrough(proxy, target)
    this.#opening.then(
      (socket) => this.#join(socket),
      (error: Error) => this.destroy(error),
    )
  }

  #join(socket: Socket): void {
    if (this.destroyed) {
      socket.destroy()
      return
    }
    this.#socket = socket
    socket.on('data', (bytes) => {
      if (!this.push(bytes)) socket.pause()
    })
    socket.once('end', () => this.push(null))
    socket.once('error', (error) => this.destroy(error))
    socket.once('close', () => this.destroy())
    socket.resume()
  }

  override _read(): void {
    this.#socket?.resume()
  }

  override _write(
    bytes: Buffer,
    _encoding: unknown,
    callback: (error?: Error | null) => void,
  ): void {
    this.#opening.then((socket) => socket.write(bytes, callback), callback)
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#opening.then((socket) => socket.end(callback), callback)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket?.destroy()
    callback(error)
  }
}
