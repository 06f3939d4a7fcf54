import { randomBytes } from 'node:crypto'
import type { AcceptedPush, Provider } from './pushes.ts'
import { storePush } from './stored-pushes.ts'

/** The one of Apple's two gateways that knows a token. */
export type Environment = 'production' | 'sandbox'

/** The registration of an app installation at its push service. */
export type PhoneRegistration = {
  readonly provider: Provider
  /** Bundle id or package name. */
  readonly appId: string
  /** APNs only; production by default. */
  readonly environment?: Environment
  /**
   * FCM only: the project that the app was built for; the simulator's own by default (another one
   * makes `SENDER_ID_MISMATCH`).
   */
  readonly projectId?: string
  /**
   * A token to use instead of a fresh one, for a phone that was registered with an earlier
   * simulator.
   */
  readonly token?: string
}

/** One push endpoint as a gateway sees it. */
export type Phone = PhoneRegistration & {
  readonly token: string
  readonly environment: Environment
  /**
   * Set once the app is removed: from then on the token is invalid. Milliseconds since the epoch.
   */
  readonly unregisteredAt: number | undefined
  readonly online: boolean
}

/**
 * Called once per delivered push, never while the call that caused it is still running. An error it
 * throws is an uncaught exception.
 */
export type PushListener = (push: AcceptedPush) => void

type Entry = {
  phone: Phone
  storedPushes: readonly AcceptedPush[]
  readonly listeners: Set<PushListener>
}

function createToken(provider: Provider): string {
  if (provider === 'apns') return randomBytes(32).toString('hex')
  const [installation, secret] = [randomBytes(16), randomBytes(100)]
  return `${installation.toString('base64url')}:APA91b${secret.toString('base64url')}`
}

/**
 * The app installations that the gateways can reach. A token may be shared by any number of
 * accounts and listeners. A phone is reachable while it is online and has a listener; otherwise
 * pushes are stored as the provider would store them, and delivered when it becomes reachable,
 * unless they expired.
 */
export class Phones {
  readonly #entries = new Map<string, Entry>()
  readonly #everywhere = new Set<PushListener>()
  readonly #clock: () => number

  constructor(clock: () => number = Date.now) {
    this.#clock = clock
  }

  /**
   * Gives an app installation its token (APNs tokens in lower case). Throws when the chosen token
   * is already in use.
   */
  register(registration: PhoneRegistration): { readonly token: string } {
    const newToken = registration.token ?? createToken(registration.provider)
    const token = registration.provider === 'apns' ? newToken.toLowerCase() : newToken
    if (this.#entries.has(token)) throw new Error(`register: token ${token} is already in use`)
    const environment = registration.environment ?? 'production'
    const phone = { ...registration, token, environment, unregisteredAt: undefined, online: true }
    this.#entries.set(token, { phone, storedPushes: [], listeners: new Set() })
    return { token }
  }

  /** The phone of a token, valid or not. */
  find(token: string): Phone | undefined {
    return this.#entries.get(token)?.phone
  }

  /**
   * The FCM phone whose Firebase installation id (the part of the token before the colon) this is.
   */
  findInstallation(installationId: string): Phone | undefined {
    const prefix = `${installationId}:`
    const token = [...this.#entries.keys()].find((candidate) => candidate.startsWith(prefix))
    return token === undefined ? undefined : this.find(token)
  }

  /**
   * The app was removed at `at` (now by default, milliseconds or a Date): the token is invalid and
   * stored pushes are lost.
   */
  unregister(token: string, at?: Date | number): void {
    const entry = this.#require(token)
    entry.phone = { ...entry.phone, unregisteredAt: Number(at ?? this.#clock()) }
    entry.storedPushes = []
  }

  /** The phone has network again; its stored pushes arrive. */
  online(token: string): void {
    const entry = this.#require(token)
    entry.phone = { ...entry.phone, online: true }
    this.#flush(entry)
  }

  /** The phone loses its network; pushes are stored from now on. */
  offline(token: string): void {
    const entry = this.#require(token)
    entry.phone = { ...entry.phone, online: false }
  }

  /**
   * Passes every later push of this token to the listener, stored ones first. Call the result to
   * stop.
   */
  listen(token: string, listener: PushListener): () => void {
    const entry = this.#require(token)
    const own: PushListener = (push) => listener(push)
    entry.listeners.add(own)
    this.#flush(entry)
    return () => void entry.listeners.delete(own)
  }

  /**
   * Passes every push of every phone to the listener; makes all phones that are online reachable.
   * Call the result to stop.
   */
  listenToAll(listener: PushListener): () => void {
    const own: PushListener = (push) => listener(push)
    this.#everywhere.add(own)
    for (const entry of this.#entries.values()) this.#flush(entry)
    return () => void this.#everywhere.delete(own)
  }

  /** The pushes that the provider currently stores for this phone. */
  storedPushes(token: string): readonly AcceptedPush[] {
    return this.#entries.get(token)?.storedPushes ?? []
  }

  /** For the gateways: a push was accepted. Delivers, stores or drops it. */
  deliver(push: AcceptedPush): void {
    const entry = this.#entries.get(push.token)
    if (!entry) return
    if (!this.#reachable(entry)) entry.storedPushes = storePush(entry.storedPushes, push)
    else if (push.expiresAt >= this.#clock()) this.#hand(entry, push)
  }

  #reachable(entry: Entry): boolean {
    return entry.phone.online && entry.listeners.size + this.#everywhere.size > 0
  }

  #flush(entry: Entry): void {
    if (entry.storedPushes.length === 0 || !this.#reachable(entry)) return
    const fresh = entry.storedPushes.filter((push) => push.expiresAt > this.#clock())
    entry.storedPushes = []
    for (const push of fresh) this.#hand(entry, push)
  }

  #hand(entry: Entry, push: AcceptedPush): void {
    for (const listeners of [entry.listeners, this.#everywhere]) {
      for (const listener of listeners) {
        queueMicrotask(() => listeners.has(listener) && listener(push))
      }
    }
  }

  #require(token: string): Entry {
    const entry = this.#entries.get(token)
    if (!entry) throw new Error(`no phone is registered under token ${token}: call register first`)
    return entry
  }
}
