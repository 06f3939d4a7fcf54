import { createECDH, type ECDH, randomBytes } from 'node:crypto'

/** The push services of the browsers, by their hosts. */
export const pushServices = {
  google: { host: 'fcm.googleapis.com', path: '/fcm/send/' },
  mozilla: { host: 'updates.push.services.mozilla.com', path: '/wpush/v2/' },
  apple: { host: 'web.push.apple.com', path: '/' },
  windows: { host: 'wns2-par02p.notify.windows.com', path: '/w/?token=' },
} as const
export type PushServiceName = keyof typeof pushServices

/** A subscription as a browser's `PushSubscription.toJSON()` shows it. */
export type Subscription = {
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

/** The keys of a browser of the simulator's own; a real browser keeps its own keys to itself. */
export type BrowserKeys = { readonly pair: ECDH; readonly auth: Buffer }

/** A push that a push service accepted for a browser. */
export type BrowserPush = {
  readonly id: string
  readonly endpoint: string
  /** As it was encrypted, which is what a real browser gets. */
  readonly body: Buffer
  /** As it was decrypted; null for a real browser. */
  readonly text: string | null
  readonly ttlSeconds: number
  readonly urgency: string
  readonly topic: string | undefined
  /** The sender's `sub`. */
  readonly subject: string | undefined
  /** Milliseconds since the epoch. */
  readonly at: number
}

export type BrowserListener = (push: BrowserPush) => void

type Entry = {
  /** The key that it subscribed under; pushes under others are refused. */
  readonly vapidKey: string
  readonly keys: BrowserKeys | null
  readonly pushes: BrowserPush[]
  readonly listeners: Set<BrowserListener>
  storedPushes: readonly BrowserPush[]
  isSubscribed: boolean
  isOnline: boolean
}

/** The browsers that the push services can reach, by the endpoints of their subscriptions. */
export class Browsers {
  readonly #entries = new Map<string, Entry>()
  readonly #everywhere = new Set<BrowserListener>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Subscribes a browser under a VAPID key. */
  subscribe(vapidKey: string, service: PushServiceName = 'mozilla'): Subscription {
    const pair = createECDH('prime256v1')
    const p256dh = pair.generateKeys().toString('base64url')
    const auth = randomBytes(16)
    const endpoint = this.#add(service, vapidKey, { pair, auth })
    return { endpoint, keys: { p256dh, auth: auth.toString('base64url') } }
  }

  /** Gives a real browser its endpoint. */
  admit(vapidKey: string, service: PushServiceName = 'mozilla'): string {
    return this.#add(service, vapidKey, null)
  }

  #add(service: PushServiceName, vapidKey: string, keys: BrowserKeys | null): string {
    const { host, path } = pushServices[service]
    const endpoint = `https://${host}${path}${randomBytes(48).toString('base64url')}`
    const empty = { pushes: [], listeners: new Set<BrowserListener>(), storedPushes: [] }
    this.#entries.set(endpoint, { vapidKey, keys, ...empty, isSubscribed: true, isOnline: true })
    return endpoint
  }

  /** For the gateway. */
  find(endpoint: string): Readonly<Entry> | undefined {
    return this.#entries.get(endpoint)
  }

  /** The pushes that reached a browser, oldest first. */
  pushesTo(endpoint: string): readonly BrowserPush[] {
    return this.#require(endpoint).pushes
  }

  /** Passes every later push of the browser to the listener; call the result to stop. */
  listen(endpoint: string, listener: BrowserListener): () => void {
    return subscribeTo(this.#require(endpoint).listeners, listener)
  }

  /** Passes every later push of every browser to the listener; call the result to stop. */
  listenToAll(listener: BrowserListener): () => void {
    return subscribeTo(this.#everywhere, listener)
  }

  /** The subscription ends: its endpoint is gone from now on. */
  unsubscribe(endpoint: string): void {
    this.#require(endpoint).isSubscribed = false
  }

  /** Network on or off; with it on, the stored pushes arrive. */
  setOnline(endpoint: string, isOnline: boolean): void {
    const entry = this.#require(endpoint)
    entry.isOnline = isOnline
    if (!isOnline) return
    const { storedPushes } = entry
    entry.storedPushes = []
    const isFresh = ({ at, ttlSeconds }: BrowserPush) => at + ttlSeconds * 1000 > this.#clock()
    for (const push of storedPushes.filter(isFresh)) this.#hand(entry, push)
  }

  /** For the gateway: delivers a push, or stores it; a topic replaces (RFC 8030, 5.4). */
  deliver(push: BrowserPush): void {
    const entry = this.#require(push.endpoint)
    if (entry.isOnline) this.#hand(entry, push)
    if (entry.isOnline || push.ttlSeconds === 0) return
    const others = entry.storedPushes.filter(
      ({ topic }) => topic === undefined || topic !== push.topic,
    )
    entry.storedPushes = [...others, push]
  }

  #hand(entry: Entry, push: BrowserPush): void {
    entry.pushes.push(push)
    for (const listeners of [entry.listeners, this.#everywhere]) {
      for (const listener of listeners) queueMicrotask(() => listener(push))
    }
  }

  #require(endpoint: string): Entry {
    const entry = this.#entries.get(endpoint)
    if (!entry) throw new Error('no browser has this endpoint: call subscribe first')
    return entry
  }
}

function subscribeTo(listeners: Set<BrowserListener>, listener: BrowserListener): () => void {
  const own: BrowserListener = (push) => listener(push)
  listeners.add(own)
  return () => void listeners.delete(own)
}
