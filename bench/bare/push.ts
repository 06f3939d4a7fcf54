import { createPrivateKey, randomUUID } from 'node:crypto'
import http2 from 'node:http2'
import type { ApnsCredentials } from '../../simulator/credentials.ts'
import type { Device } from './devices.ts'
import { encode, nowSeconds, signJws } from './jws.ts'

export type PushSettings = Pick<ApnsCredentials, 'keyPem' | 'keyId' | 'teamId'> & {
  readonly appId: string
  readonly origin: string
  readonly caPem: string
}

const apple = 'api.push.apple.com'
const tokenLifeMs = 40 * 60_000
const alert = { title: 'Sign-in request', body: 'Open the app to check it.' }

/** Pushes over one HTTP/2 connection with one provider token. Failures go to the console. */
export class Pushes {
  readonly #settings: PushSettings
  #session: http2.ClientHttp2Session | undefined
  #token = { text: '', until: 0 }

  constructor(settings: PushSettings) {
    this.#settings = settings
  }

  send({ id, pushToken }: Device, challengeId: string, expires: number): void {
    const stream = this.#open().request({
      ':method': 'POST',
      ':authority': apple,
      ':path': `/3/device/${pushToken}`,
      authorization: `bearer ${this.#providerToken()}`,
      'apns-topic': this.#settings.appId,
      'apns-push-type': 'alert',
      'apns-priority': '10',
      'apns-id': randomUUID(),
      'apns-collapse-id': challengeId,
      'apns-expiration': String(expires),
    })
    stream.on('response', ({ ':status': status }) => {
      if (status !== 200) console.error(`a push was refused with ${status}`)
    })
    stream.on('error', (error) => console.error(error.message))
    stream.resume()
    const aps = { alert, sound: 'default', 'thread-id': id }
    stream.end(JSON.stringify({ aps, v: 1, cid: challengeId, did: id }))
  }

  close(): void {
    this.#session?.destroy()
  }

  #open(): http2.ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session
    const { origin, caPem } = this.#settings
    // APNs allows one stream until it has accepted a token.
    const limits = { peerMaxConcurrentStreams: 1, maxSessionMemory: 1000 }
    const session = http2.connect(origin, { ca: caPem, servername: apple, ...limits })
    session.on('error', (error) => console.error(error.message))
    this.#session = session
    return session
  }

  #providerToken(): string {
    if (this.#token.until < Date.now()) {
      const { keyPem, keyId, teamId } = this.#settings
      const header = encode(JSON.stringify({ alg: 'ES256', kid: keyId }))
      const payload = JSON.stringify({ iss: teamId, iat: nowSeconds() })
      const text = signJws(createPrivateKey(keyPem), header, payload)
      this.#token = { text, until: Date.now() + tokenLifeMs }
    }
    return this.#token.text
  }
}
