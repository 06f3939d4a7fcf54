import { AsyncLocalStorage } from 'node:async_hooks'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, type RequestOptions } from 'node:https'
import { boundAnswer, outboundTls } from '../../platform/net/answer-bounds.ts'
import { ProxyTunnel, type PushProxy } from '../../platform/net/proxy-tunnel.ts'

/** The deadline of a piece of work, and a listener to the replies that it receives. */
export type Deadline = {
  /** On `performance.now()`'s clock. */
  at: number
  onReply?(reply: IncomingMessage): void
}

export type DeadlineAgentOptions = {
  /**
   * Where to connect instead of the requested host; name check and `Host` stay those of the
   * request.
   */
  readonly address?: { readonly host: string; readonly port: number }
  /** Authorities to trust instead of the system's, in PEM. */
  readonly ca?: readonly string[]
  /** The HTTP proxy through which to connect. */
  readonly proxy?: PushProxy
  /** Connections per host. */
  readonly maxSockets: number
}

/**
 * The `code` of the error that a request ends with at its deadline; not one that firebase-admin
 * retries.
 */
export const DEADLINE_CODE = 'EDEADLINE'

/** Answers of push services are some hundred bytes. */
const bodyBytesMax = 64 * 1024

class DeadlineError extends Error {
  readonly code = DEADLINE_CODE
}

/**
 * The method that Node calls for each request; agents override it, `@types/node` does not declare
 * it.
 */
type AddRequest = (this: Agent, request: ClientRequest, options: RequestOptions) => void
const addRequest = (Agent.prototype as unknown as { addRequest: AddRequest }).addRequest

/** With `onSocket(null, error)` an agent refuses a connection to a request. */
type Refusable = { onSocket(socket: null, error: Error): void }

/**
 * A keep-alive agent whose requests end with the work that made them: a library that retries
 * internally, beyond our control, cannot send anything after the deadline, and requests in flight
 * at that moment are aborted. Answers are limited in size.
 */
export class DeadlineAgent extends Agent {
  readonly #address: DeadlineAgentOptions['address']
  readonly #proxy: DeadlineAgentOptions['proxy']
  readonly #deadline = new AsyncLocalStorage<Deadline>()

  constructor({ address, ca, proxy, maxSockets }: DeadlineAgentOptions) {
    super({ keepAlive: true, maxSockets, ...outboundTls, ...(ca && { ca: [...ca] }) })
    this.#address = address
    this.#proxy = proxy
  }

  /**
   * Runs the work; the deadline applies to all of its requests through this agent, those of
   * libraries included.
   */
  within<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
    return this.#deadline.run(deadline, work)
  }

  addRequest(request: ClientRequest, options: RequestOptions): void {
    boundAnswer(request, bodyBytesMax)
    const deadline = this.#deadline.getStore()
    if (deadline === undefined || this.#admit(request, deadline)) {
      addRequest.call(this, request, options)
    }
  }

  #admit(request: ClientRequest, deadline: Deadline): boolean {
    const leftMs = deadline.at - performance.now()
    const error = new DeadlineError('the deadline has passed')
    if (leftMs <= 0) {
      const refusable = request as unknown as Refusable
      refusable.onSocket(null, error)
      return false
    }
    const timer = setTimeout(() => request.destroy(error), leftMs)
    request.once('close', () => clearTimeout(timer))
    request.once('response', (reply) => deadline.onReply?.(reply))
    return true
  }

  override createConnection(
    options: RequestOptions,
    callback?: Parameters<Agent['createConnection']>[1],
  ): ReturnType<Agent['createConnection']> {
    const servername = options.servername || options.host
    const target = { host: options.host ?? '', port: Number(options.port ?? 443), ...this.#address }
    const way = this.#proxy ? { socket: new ProxyTunnel(this.#proxy, target) } : target
    return super.createConnection(
      { ...options, ...way, ...(servername && { servername }) } as RequestOptions,
      callback,
    )
  }
}
