// Becoming a device: a scanned or typed code, proven with both new keys.

import type { DeviceAccount, PasscodeSecret } from './account.ts'
import { isObject, newJti, sha256, signCompact } from './compact-jws.ts'
import { Connection, type World } from './connection.ts'
import { DeviceApiError } from './device-api-error.ts'
import { readKeySet } from './key-set.ts'
import type { DeviceKey, DeviceKeys } from './keys.ts'
import { assertText, type GetAssertion } from './passkey.ts'
import { protocolVersion } from './protocol-version.ts'
import { plainTypedText } from './typed-text.ts'
import type { DeviceDetails } from './views.ts'

const claimTyp = 'device-claim+jwt'

/** Where to enroll, and with which code. */
export type EnrollmentTicket = {
  readonly origin: string
  readonly tenantId: string
  readonly code: string
  /** The person's name as the service knows it; only with a code that was typed. */
  readonly user?: string
}

/** A device's description of itself. */
export type DeviceDescription = {
  readonly name: string
  readonly platform: DeviceDetails['platform']
  readonly model: string
  readonly osVersion: string
  readonly appVersion: string
  /** What its person reads, a tag of BCP 47: for pushes that the app cannot put into words. */
  readonly language?: string
}

/** What a device may report anew about itself. */
export type DeviceChanges = Partial<Omit<DeviceDescription, 'platform'>> & {
  /** Only ever rises. */
  readonly protocolVersion?: number
}

/** The address by which the device can be woken. */
export type PushRegistration =
  | {
      readonly provider: 'apns' | 'fcm'
      readonly token: string
      readonly environment?: 'production' | 'sandbox'
    }
  | {
      readonly provider: 'web_push'
      /** As in `PushSubscription.toJSON()`. */
      readonly endpoint: string
      readonly keys: { readonly p256dh: string; readonly auth: string }
      /** The key that it subscribed under; by default the current one. */
      readonly vapidKey?: string
    }

/** The phone maker's statement about the keys; binary values in base64url. */
export type Attestation =
  | {
      readonly format: 'android_key'
      readonly possession: readonly string[]
      readonly verification?: readonly string[]
    }
  | { readonly format: 'apple_app_attest'; readonly object: string }

export type Claim = {
  readonly ticket: EnrollmentTicket
  readonly keys: DeviceKeys
  /** The app's bundle or package name. */
  readonly appId: string
  readonly device: DeviceDescription
  readonly push?: PushRegistration
  readonly attestation?: Attestation
}

// Codes that were printed with an earlier spelling of the path say `enrol`.
const scannedPath = /^\/t\/(tnt_[0-9a-z]{26})\/enroll?$/
const scannedCode = /^#([A-Za-z0-9_-]{43})$/
const loopback = ['localhost', '127.0.0.1', '[::1]']

/**
 * The ticket in a QR code, or undefined for any other code. Plain http is accepted for this machine
 * only: a camera may be shown anything.
 */
export function readEnrollmentUri(text: string): EnrollmentTicket | undefined {
  const url = URL.parse(text)
  const tenantId = url && scannedPath.exec(url.pathname)?.[1]
  const code = url && scannedCode.exec(url.hash)?.[1]
  if (!tenantId || !code || url.search !== '' || url.username !== '') return undefined
  const isSafe = url.protocol === 'https:' || loopback.includes(url.hostname)
  return isSafe && url.protocol.startsWith('http')
    ? { origin: url.origin, tenantId, code }
    : undefined
}

/**
 * Claims an enrollment: from now on the service knows this device. While the account is
 * `unconfirmed` the device gets no requests; `DeviceClient.confirm` with the number from the
 * sign-in page makes it active. Throws DeviceApiError; after `unreachable` the claim may have taken
 * effect, and a new enrollment is needed because each works once. A service that knows no versions
 * of the protocol refuses the one that is named, without using up the code: it is then spoken to in
 * the first.
 */
export async function claimEnrollment(claim: Claim, world: World = {}): Promise<DeviceAccount> {
  try {
    return await claimAs(claim, world, { protocolVersion })
  } catch (error) {
    if (!(error instanceof DeviceApiError) || error.code !== 'proof_malformed') throw error
    // A service that knows passkeys knows versions.
    if (claim.keys.passkey) throw error
    return claimAs(claim, world, {})
  }
}

type Version = { readonly protocolVersion?: number }

async function claimAs(claim: Claim, world: World, version: Version): Promise<DeviceAccount> {
  const { ticket, keys } = claim
  const connection = new Connection(ticket.origin, world)
  const answer = await connection.call({
    method: 'POST',
    target: '/device/v1/enrollments/claim',
    body: async () => ({
      tenantId: ticket.tenantId,
      code: ticket.code,
      ...(ticket.user !== undefined && { user: ticket.user }),
      appId: claim.appId,
      device: claim.device,
      keys: shownKeys(keys),
      proofs: await proofs(claim, connection.now(), { version, getAssertion: world.getAssertion }),
      ...(claim.push && { push: claim.push }),
      ...(claim.attestation && { attestation: claim.attestation }),
    }),
  })
  return accountOf(answer, ticket, connection.offsetMs)
}

/**
 * What an attestation of this device's keys must contain, 32 bytes in base64url: Android's
 * `attestationChallenge`, and the first part of the input of App Attest's client data hash.
 */
export async function attestationChallenge(ticket: EnrollmentTicket): Promise<string> {
  const codeHash = await sha256(plainCode(ticket.code))
  return sha256(`countersign-attestation\n${ticket.origin}/t/${ticket.tenantId}\n${codeHash}`)
}

function shownKeys({ possession, verification, passkey }: DeviceKeys) {
  const { kid: _, ...shown } = passkey ?? { kid: '' }
  return {
    possession: possession.publicJwk,
    ...(verification && { verification: verification.publicJwk }),
    ...(passkey && { verification: { kind: 'webauthn', ...shown } }),
  }
}

async function proofs(
  { ticket, keys }: Claim,
  now: Date,
  {
    version,
    getAssertion,
  }: { readonly version: Version; readonly getAssertion: GetAssertion | undefined },
) {
  const codeHash = await sha256(plainCode(ticket.code))
  const verificationKid = (keys.passkey ?? keys.verification)?.kid
  const prove = (key: DeviceKey) =>
    signCompact(key, claimTyp, {
      aud: `${ticket.origin}/t/${ticket.tenantId}`,
      ch: codeHash,
      pk: keys.possession.kid,
      ...(verificationKid !== undefined && { vk: verificationKid }),
      iat: Math.floor(now.getTime() / 1000),
      jti: newJti(),
      ...version,
    })
  const possession = await prove(keys.possession)
  if (keys.passkey) {
    return { possession, verification: await assertText(keys.passkey, possession, getAssertion) }
  }
  return {
    possession,
    ...(keys.verification && { verification: await prove(keys.verification) }),
  }
}

/** A typed code as the service hashes it; a scanned one as it is. */
function plainCode(code: string): string {
  if (/^[A-Za-z0-9_-]{43}$/.test(code)) return code
  return plainTypedText(code).toUpperCase().replace(/O/g, '0').replace(/[IL]/g, '1')
}

async function accountOf(
  answer: unknown,
  { origin, tenantId }: EnrollmentTicket,
  clockOffsetMs: number,
): Promise<DeviceAccount> {
  const issuer = `${origin}/t/${tenantId}`
  const unexpectedResponse = (what: string) =>
    new DeviceApiError(
      'unexpected_response',
      201,
      `the service responded to the claim without ${what}`,
    )
  if (!isObject(answer) || !isObject(answer.tenant) || !isObject(answer.user)) {
    throw unexpectedResponse('tenant and user')
  }
  const { tenant, user, deviceId, status, confirmation, passcode } = answer
  const keySet = await readKeySet(answer.keySet)
  if (!keySet) throw unexpectedResponse('a key set that could be pinned')
  if (answer.issuer !== issuer || tenant.id !== tenantId)
    throw unexpectedResponse('the issuer claimed from')
  if (typeof deviceId !== 'string' || typeof user.id !== 'string') throw unexpectedResponse('ids')
  if (status !== 'active' && status !== 'unconfirmed') throw unexpectedResponse('a known status')
  return {
    origin,
    issuer,
    tenant: { id: tenantId, name: String(tenant.name) },
    user: { id: user.id, displayName: String(user.displayName) },
    deviceId,
    status,
    confirmationDigits: isObject(confirmation) ? Number(confirmation.digits) : null,
    passcode: readPasscodeSecret(passcode),
    keySet,
    clockOffsetMs,
  }
}

/**
 * The secret in the claim's response; null where there is none, or none that this app could
 * generate codes from.
 */
function readPasscodeSecret(value: unknown): PasscodeSecret | null {
  if (!isObject(value) || value.algorithm !== 'SHA256') return null
  const { secret, algorithm, digits, period } = value
  if (typeof secret !== 'string' || typeof digits !== 'number' || typeof period !== 'number') {
    return null
  }
  return { secret, algorithm, digits, period }
}
