import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export type Reply = { readonly status: number; readonly body: string }

type Call = {
  readonly method: 'GET' | 'POST'
  /** Path and query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
}

type Waiter = {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

/**
 * One keep-alive connection that carries one request at a time, opened on first use and again after
 * it was lost. Deliberate: load generator and service share the machine, and a request costs 40 us
 * of processor time here, 140 with node:http and 340 with fetch. Reads responses with
 * `Content-Length`; anything else rejects.
 */
export class HttpConnection {
  readonly #origin: URL
  readonly #from: string | undefined
  #socket: Socket | undefined
  #received: Buffer = Buffer.alloc(0)
  #waiter: Waiter | undefined

  /** `from` is an IPv4 address of this machine, which the service then sees as the caller's. */
  constructor(origin: string, from?: string) {
    this.#origin = new URL(origin)
    this.#from = from
  }

  /**
   * Sends the request and resolves with the response of any status. Rejects when there is none in
   * time.
   */
  async call(call: Call): Promise<Reply> {
    if (this.#waiter) throw new Error('this connection is busy: open one more')
    const socket = this.#open()
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#waiter = { resolve, reject }
    })
    socket.write(this.#textOf(call))
    const timer = setTimeout(() => {
      socket.destroy(new Error(`${call.method} ${call.target}: no answer in ${call.timeoutMs} ms`))
    }, call.timeoutMs)
    return reply.finally(() => clearTimeout(timer))
  }

  close(): void {
    this.#socket?.destroy()
  }

  #textOf({ method, target, headers, body = '' }: Call): string {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const length = body === '' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`
    const head = `${method} ${target} HTTP/1.1\r\nhost: ${this.#origin.host}\r\n`
    return `${head}${lines.join('')}${length}\r\n${body}`
  }

  #open(): Socket {
    if (this.#socket && !this.#socket.destroyed) return this.#socket
    const { protocol, hostname, port } = this.#origin
    const isTls = protocol === 'https:'
    const host = hostname.replace(/^\[|\]$/g, '')
    const from = this.#from !== undefined && { localAddress: this.#from, family: 4 }
    const at = { host, port: Number(port) || (isTls ? 443 : 80), noDelay: true, ...from }
    const socket = isTls ? connectTls({ ...at, servername: host }) : connect(at)
    this.#socket = socket
    this.#received = Buffer.alloc(0)
    let failure = new Error('the service closed the connection')
    socket.on('data', (bytes) => this.#receive(socket, bytes))
    socket.on('end', () => socket.destroy())
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('close', () => {
      if (this.#socket === socket) this.#take()?.reject(failure)
    })
    return socket
  }

  #receive(socket: Socket, bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.toString('latin1', 0, headEnd)
    const status = Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length))
    const length = status === 204 ? '0' : /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length === undefined) {
      socket.destroy(new Error('the service answered without Content-Length'))
      return
    }
    const bodyStart = headEnd + 4
    const bodyEnd = bodyStart + Number(length)
    if (this.#received.length < bodyEnd) return
    const body = this.#received.toString('utf8', bodyStart, bodyEnd)
    this.#received = this.#received.subarray(bodyEnd)
    if (/\r\nconnection: *close/i.test(head)) socket.destroy()
    this.#take()?.resolve({ status, body })
  }

  #take(): Waiter | undefined {
    const waiter = this.#waiter
    this.#waiter = undefined
    return waiter
  }
}
