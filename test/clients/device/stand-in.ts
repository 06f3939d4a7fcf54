// A service's side of the wire for the client's tests: real keys, real signatures, real rules; only
// the network and the database are simulated.

import type { DeviceAccount } from '../../../clients/device/src/account.ts'
import { createDeviceKeys, type DeviceKeys } from '../../../clients/device/src/keys.ts'
import { readDeviceProof } from '../../../src/devices/authenticate-device.ts'
import { answerBytesMax, readAnswer } from '../../../src/domain/answer.ts'
import {
  type RequestFacts,
  requestHeader,
  requestPayload,
} from '../../../src/domain/approval-request.ts'
import type { PublicJwk } from '../../../src/domain/device.ts'
import { isRefusal } from '../../../src/domain/refusal.ts'
import { buildHashing } from '../../../src/platform/crypto/hashing.ts'
import { buildSealing } from '../../../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../../../src/platform/crypto/signatures.ts'
import type { NewSigningKey, SigningKey } from '../../../src/platform/world.ts'
import type { StoredSigningKey } from '../../../src/tenants/directory.store.ts'
import { rotateSigningKey } from '../../../src/tenants/rotate-signing-key.ts'
import { buildSigningKeys } from '../../../src/tenants/signing-keys.ts'

export const signatures = buildSignatures(buildSealing({ current: Buffer.alloc(32, 9) }))
const hashing = buildHashing(Buffer.alloc(32))
export const origin = 'https://push.example.com'
export const tenantId = 'tnt_01h455vb4pex5vsknk084sn02q'
export const deviceId = 'dev_01h455vb4pex5vsknk084sn02s'
export const userId = 'usr_01h455vb4pex5vsknk084sn02t'
export const challengeId = 'chl_01h455vb4pex5vsknk084sn02r'
export const issuer = `${origin}/t/${tenantId}`
/** The service's time in these tests. */
export const serverNow = new Date('2027-01-01T00:00:30.000Z')

type StoredKey = StoredSigningKey & Pick<NewSigningKey, 'privateSealed'>

/** A tenant's signing keys in memory, rotated by the real use case. */
export async function createTenantKeys() {
  const first = await signatures.createKey(tenantId)
  let keyRows: StoredKey[] = [{ ...first, seq: 1, status: 'active', linkJws: null }]
  const keys = {
    list: async () => keyRows,
    findPrivate: async (_: string, kid: string) =>
      keyRows.find((key) => key.kid === kid)?.privateSealed ?? null,
    rotate: async (_: string, next: NewSigningKey & { seq: number; linkJws: string }) => {
      const retiredKeys = keyRows.map((key) => ({ ...key, status: 'retired' as const }))
      keyRows = [{ ...next, status: 'active' }, ...retiredKeys]
      return 'done' as const
    },
  }
  const signingKeys = buildSigningKeys({ keys, signatures }, () => serverNow.getTime())
  const dependencies = {
    keys,
    signatures,
    signingKeys,
    clock: { now: () => serverNow },
    publicOrigin: origin,
  }
  const active = (): StoredKey => {
    const [newest] = keyRows
    if (!newest) throw new Error('a tenant has a key')
    return newest
  }
  return {
    active,
    rotate: () => rotateSigningKey(dependencies, tenantId),
    /** The set as a device receives it at enrollment. */
    keySet: () => ({
      seq: active().seq,
      keys: keyRows.map(({ kid, publicJwk }) => ({ ...publicJwk, kid })),
    }),
    /** Links after this set, oldest first. */
    links: (after: number) =>
      keyRows
        .filter((key) => key.seq > after)
        .toReversed()
        .flatMap((key) => key.linkJws ?? []),
  }
}

export type TenantKeys = Awaited<ReturnType<typeof createTenantKeys>>

/** The claims of a request; times around the service's. */
export function requestFacts(changes: Partial<RequestFacts> = {}): RequestFacts {
  return {
    issuer,
    tenantId,
    challengeId,
    deviceId,
    userId,
    jti: 'cmVxdWVzdC1qdGktMDAwMQ',
    nonce: 'bm9uY2Utbm9uY2Utbm9uY2Utbm9uY2Utbm9uY2UtMDE',
    relyingPartyName: 'Example Mail',
    context: {
      application: 'Webmail',
      ip: '192.0.2.7',
      fields: [{ label: 'Order', value: '12 €' }],
    },
    numberMode: 'service',
    numberDigits: 6,
    callerNumber: null,
    userVerification: 'preferred',
    returnUrl: null,
    createdAt: new Date('2027-01-01T00:00:00Z'),
    expiresAt: new Date('2027-01-01T00:02:00Z'),
    protocolVersion: 1,
    ...changes,
  }
}

function signingKey({ kid, privateSealed }: StoredKey): SigningKey {
  return { tenantId, kid, privateSealed }
}

/** Signs exactly this payload. */
export function signRaw(key: StoredKey, header: object, payload: object): Promise<string> {
  return signatures.sign(signingKey(key), JSON.stringify(header), JSON.stringify(payload))
}

/** A request as the service signs it. */
export function signRequest(key: StoredKey, changes: Partial<RequestFacts> = {}): Promise<string> {
  return signatures.sign(
    signingKey(key),
    requestHeader(key.kid),
    requestPayload(requestFacts(changes)),
  )
}

/** A device that is enrolled and active. */
export async function createAccount(
  tenantKeys: TenantKeys,
  { verification = true }: { readonly verification?: boolean } = {},
): Promise<{ readonly account: DeviceAccount; readonly keys: DeviceKeys }> {
  const account: DeviceAccount = {
    origin,
    issuer,
    tenant: { id: tenantId, name: 'Example' },
    user: { id: userId, displayName: 'Ada' },
    deviceId,
    status: 'active',
    confirmationDigits: null,
    passcode: null,
    keySet: tenantKeys.keySet(),
    clockOffsetMs: 0,
  }
  return { account, keys: await createDeviceKeys({ verification }) }
}

/** One call as sent over the network. */
export type NetworkCall = {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly body: string | null
}

/**
 * A network that answers by the given function and records the calls; a thrown error is a broken
 * connection.
 */
export function playNetwork(
  answer: (call: NetworkCall, index: number) => Response | Promise<Response>,
) {
  const calls: NetworkCall[] = []
  const play: typeof fetch = async (input, init) => {
    const body = init?.body ?? null
    if (body !== null && typeof body !== 'string') throw new Error('bodies are text')
    const call = {
      method: init?.method ?? 'GET',
      url: String(input),
      headers: new Headers(init?.headers),
      body,
    }
    calls.push(call)
    return answer(call, calls.length - 1)
  }
  return { fetch: play, calls }
}

/** A refusal as the service writes it. */
export function problem(status: number, code: string, facts: object = {}): Response {
  return new Response(
    JSON.stringify({ type: `urn:x:${code}`, title: code, status, code, ...facts }),
    {
      status,
      headers: { 'content-type': 'application/problem+json' },
    },
  )
}

/** The device's keys as the service stores them. */
export function storedKeys({ possession, verification }: DeviceKeys) {
  const all = [
    { role: 'possession' as const, kid: possession.kid, publicJwk: possession.publicJwk },
  ]
  return verification
    ? [
        ...all,
        {
          role: 'verification' as const,
          kid: verification.kid,
          publicJwk: verification.publicJwk as PublicJwk,
        },
      ]
    : all
}

/** How the service verifies the proof of a call. */
export function readSentProof({ method, url, headers, body }: NetworkCall, now = serverNow) {
  const bodyHash = body === null ? null : hashing.sha256Base64Url(body)
  const request = { method, uri: url, bodyHash }
  const header = headers.get('device-proof') ?? undefined
  return readDeviceProof({ signatures, clock: { now: () => now } }, header, request)
}

/** The proof of this call, which the service accepts. */
export function proofOf(calls: NetworkCall | undefined) {
  if (!calls) throw new Error('no call was sent')
  const proof = readSentProof(calls)
  if (isRefusal(proof)) throw new Error(`the service refuses the proof: ${proof.refused}`)
  return proof
}

/** The answer in this call, which the service can read. */
export function answerOf(calls: NetworkCall | undefined) {
  const { answer } = JSON.parse(calls?.body ?? '') as { answer: string }
  const jws = signatures.read(answer, answerBytesMax)
  const read = jws && readAnswer(jws)
  if (!read || isRefusal(read)) throw new Error('the service refuses the answer')
  return read
}
