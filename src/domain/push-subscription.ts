// Push subscriptions of browsers (RFC 8030, RFC 8291). The enrolling browser chooses the address,
// so without these rules the service could be directed into its own network (SSRF).

/** Where a browser receives pushes, and the keys that encrypt them for it, in base64url. */
export type PushSubscription = {
  /** An address at the browser's push service. It is a capability: with it, one can push. */
  readonly endpoint: string
  readonly keys: {
    /** The browser's P-256 public key, as an uncompressed point. */
    readonly p256dh: string
    /** The secret that it shares with us alone. */
    readonly auth: string
  }
}

export const endpointLengthMax = 1024

/** The push services of the browsers; `*.` stands for any name below. */
export const pushServiceHosts = [
  'fcm.googleapis.com',
  'updates.push.services.mozilla.com',
  '*.push.apple.com',
  '*.notify.windows.com',
] as const

/**
 * The endpoint as a URL: https on port 443, without user info or fragment, and written as every
 * parser writes it, so that the host that is checked is the host that is reached. Undefined for any
 * other text.
 */
function readEndpoint(text: string): URL | undefined {
  if (text.length > endpointLengthMax || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const { protocol, port, username, password, href } = url
  const isPlain = port === '' && username === '' && password === '' && !text.includes('#')
  return protocol === 'https:' && isPlain && href === text ? url : undefined
}

/** Whether a text can be an endpoint; which push services are allowed is another question. */
export function isPushEndpoint(text: string): boolean {
  return readEndpoint(text) !== undefined
}

function isHostIn(hostname: string, pattern: string): boolean {
  if (!pattern.startsWith('*.')) return hostname === pattern
  return hostname.endsWith(pattern.slice(1)) && hostname.length > pattern.length - 1
}

/**
 * The address by which push services reach the operator (`sub`: RFC 8292, 2.1), where none is
 * configured: the origin of the service, unless nobody else can reach it. Null leaves it out.
 */
export function senderAt(publicOrigin: string): string | null {
  const { protocol, hostname } = new URL(publicOrigin)
  const isLocal = !hostname.includes('.') || /\.(?:local|localhost)$/.test(hostname)
  return protocol === 'https:' && !isLocal ? publicOrigin : null
}

/** The push service of an endpoint, as the list names it; undefined when none of them is it. */
export function pushServiceOf(endpoint: string, hosts: readonly string[]): string | undefined {
  const hostname = readEndpoint(endpoint)?.hostname
  return hostname === undefined ? undefined : hosts.find((host) => isHostIn(hostname, host))
}

// The curve P-256: y^2 = x^3 - 3x + b over the integers modulo p (NIST SP 800-186, 3.2.1.3).
const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn

/** Whether these are the 65 bytes of a point of P-256 in its uncompressed form (SEC 1, 2.3.3). */
export function isP256Point(bytes: Uint8Array): boolean {
  if (bytes.length !== 65 || bytes[0] !== 4) return false
  const [x, y] = [numberOf(bytes.subarray(1, 33)), numberOf(bytes.subarray(33))]
  return x < p && y < p && (y * y - (x * x * x - 3n * x + b)) % p === 0n
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
}

/** Where and under which key a push goes to a browser: what is stored, sealed, as its token. */
export type WebPushTarget = PushSubscription & {
  /** The public half of the VAPID key that the browser subscribed under; others are refused. */
  readonly vapidKey: string
}

/** The token of a browser: all that a push to it needs, as text. */
export function webPushToken({ endpoint, keys, vapidKey }: WebPushTarget): string {
  const { p256dh, auth } = keys
  return JSON.stringify({ endpoint, keys: { p256dh, auth }, vapidKey })
}

/** The target in a token that `webPushToken` wrote. */
export function readWebPushToken(token: string): WebPushTarget {
  return JSON.parse(token)
}
