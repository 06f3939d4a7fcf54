// Attested keys, from the claim over HTTP to the relying party's result.

import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeviceApiError } from '../../clients/device/src/device-api-error.ts'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import {
  type Attestation,
  attestationChallenge,
  claimEnrollment,
  type EnrollmentTicket,
  readEnrollmentUri,
} from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys, type DeviceKeys } from '../../clients/device/src/keys.ts'
import { clientDataHashOf } from '../../src/enrollments/attestation/app-attest.ts'
import {
  type AndroidMaker,
  anAndroidMaker,
  anAppleMaker,
  androidApp,
  appleApp,
  type KeyStatement,
  publicKeyOf,
} from '../support/attestation-authority.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'

let android: AndroidMaker
let apple: Awaited<ReturnType<typeof anAppleMaker>>
let service: RunningService

beforeAll(async () => {
  android = await anAndroidMaker()
  apple = await anAppleMaker()
  service = await startTestService(
    {
      attestation: {
        androidApps: [{ ...androidApp }],
        appleApps: [appleApp],
        revocationsFile: null,
      },
    },
    undefined,
    { attestationRoots: { android: [android.root], apple: [apple.root] } },
  )
})
afterAll(() => service[Symbol.asyncDispose]())

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

async function setPolicy(attestation: 'off' | 'log' | 'require') {
  const set = await service.api('PATCH', '/v1/policy', { attestation })
  expect([set.status, set.json.attestation]).toEqual([200, attestation])
}

let people = 0
async function openEnrollment() {
  people += 1
  const user = `person-${people}`
  const enrollment = await service.api('POST', '/v1/enrollments', { user, displayName: user })
  const ticket = readEnrollmentUri(enrollment.json.uri)
  if (!ticket) throw new Error(enrollment.text)
  return { user, ticket, id: enrollment.json.id as string }
}

async function androidStatement(
  ticket: EnrollmentTicket,
  keys: DeviceKeys,
  statementChanges: Partial<KeyStatement> = {},
) {
  const challenge = await attestationChallenge(ticket)
  const chain = async (key: DeviceKeys['possession']) =>
    (await android.attest(await publicKeyOf(key), challenge, statementChanges)).map(text)
  if (!keys.verification) throw new Error('it was asked for')
  return {
    format: 'android_key',
    possession: await chain(keys.possession),
    verification: await chain(keys.verification),
  } as const
}

async function appleStatement(ticket: EnrollmentTicket, { possession, verification }: DeviceKeys) {
  const kids = [possession.kid, ...(verification ? [verification.kid] : [])]
  const hash = clientDataHashOf(await attestationChallenge(ticket), kids)
  return { format: 'apple_app_attest', object: text(await apple.attest(hash)) } as const
}

function claim(ticket: EnrollmentTicket, keys: DeviceKeys, attestation?: Attestation) {
  return claimEnrollment({
    ticket,
    keys,
    appId: androidApp.packageName,
    device: { name: 'Phone', platform: 'android', model: 'M', osVersion: '1', appVersion: '1' },
    ...(attestation && { attestation }),
  })
}

async function refusalOf(claimCall: Promise<unknown>) {
  const error = await claimCall.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (!(error instanceof DeviceApiError)) throw new Error(`it was not refused: ${error}`)
  return error
}

const readDevice = async (id: string) => (await service.api('GET', `/v1/devices/${id}`)).json

describe('a tenant that requires attestations', () => {
  beforeAll(() => setPolicy('require'))

  test('refuses a claim without one or with a bad one, names the reason, and keeps the code usable', async () => {
    const { ticket } = await openEnrollment()
    const keys = await createDeviceKeys({ verification: true })
    const missing = await refusalOf(claim(ticket, keys))
    expect([missing.code, missing.status]).toEqual(['attestation_missing', 403])
    for (const [changes, why] of [
      [{ locked: false }, 'bootloader_unlocked'],
      [{ keyLevel: 0 }, 'level_software'],
      [{ challenge: text(new Uint8Array(32)) }, 'challenge_mismatch'],
    ] as const) {
      const refusal = await refusalOf(
        claim(ticket, keys, await androidStatement(ticket, keys, changes)),
      )
      expect([refusal.code, refusal.status, refusal.facts.why]).toEqual([
        'attestation_invalid',
        403,
        why,
      ])
    }
    const claimReply = await claim(ticket, keys, await androidStatement(ticket, keys))
    expect(claimReply.status).toBe('unconfirmed')
  })

  test('does not accept an attestation of one enrollment for another, nor for other keys', async () => {
    const first = await openEnrollment()
    const second = await openEnrollment()
    const keys = await createDeviceKeys({ verification: true })
    const others = await createDeviceKeys({ verification: true })
    for (const make of [androidStatement, appleStatement]) {
      const statement = await make(first.ticket, keys)
      const elsewhere = await refusalOf(claim(second.ticket, keys, statement))
      expect(elsewhere.facts.why).toBe('challenge_mismatch')
      const otherKeysRefusal = await refusalOf(claim(first.ticket, others, statement))
      expect(['key_mismatch', 'challenge_mismatch']).toContain(otherKeysRefusal.facts.why)
    }
  })

  test('shows the level in every reading of the device, and `hwk` in its results', async () => {
    for (const [make, level] of [
      [androidStatement, 'tee'],
      [appleStatement, 'app_attest'],
    ] as const) {
      const { user, ticket, id } = await openEnrollment()
      const keys = await createDeviceKeys({ verification: true })
      const account = await claim(ticket, keys, await make(ticket, keys))
      const client = new DeviceClient({ account, keys })
      await client.confirm((await service.api('GET', `/v1/enrollments/${id}`)).json.number)
      const attestation = { level, verdict: 'verified', why: null }
      expect((await readDevice(account.deviceId)).attestation).toEqual(attestation)
      expect(await amrOf(user, client)).toEqual(['pop', 'hwk', 'user'])
    }
  })
})

describe('a tenant that logs attestations', () => {
  beforeAll(() => setPolicy('log'))

  test('accepts every claim, records the fault, and reports `swk`', async () => {
    const { user, ticket, id } = await openEnrollment()
    const keys = await createDeviceKeys({ verification: true })
    const statement = await androidStatement(ticket, keys, { bootState: 2 })
    const account = await claim(ticket, keys, statement)
    const client = new DeviceClient({ account, keys })
    await client.confirm((await service.api('GET', `/v1/enrollments/${id}`)).json.number)
    const record = { level: 'none', verdict: 'invalid', why: 'boot_not_verified' }
    const device = await readDevice(account.deviceId)
    expect(device.attestation).toEqual(record)
    expect(await amrOf(user, client)).toEqual(['pop', 'swk', 'user'])
    const activities = await service.api('GET', `/v1/users/${device.userId}/activities`)
    const claimedOnes = activities.json.items.filter(
      ({ type }: { type: string }) => type === 'enrollment_claimed',
    )
    expect(claimedOnes[0].details.attestation).toBe('invalid')
  })

  test('records a missing attestation', async () => {
    const { ticket } = await openEnrollment()
    const account = await claim(ticket, await createDeviceKeys({ verification: true }))
    const record = { level: 'none', verdict: 'missing', why: null }
    expect((await readDevice(account.deviceId)).attestation).toEqual(record)
  })
})

test('a tenant that requires none verifies none', async () => {
  await setPolicy('off')
  const { ticket } = await openEnrollment()
  const keys = await createDeviceKeys({ verification: true })
  const account = await claim(ticket, keys, await androidStatement(ticket, keys))
  const record = { level: 'none', verdict: 'not_asked', why: null }
  expect((await readDevice(account.deviceId)).attestation).toEqual(record)
})

test('a claim with chains of the total maximum length exceeds the body limit', async () => {
  const { ticket } = await openEnrollment()
  const keys = await createDeviceKeys({ verification: true })
  const chain = Array.from({ length: 10 }, () => 'A'.repeat(5462))
  const statement = { format: 'android_key', possession: chain, verification: chain } as const
  const refusal = await refusalOf(claim(ticket, keys, statement))
  expect([refusal.code, refusal.status]).toEqual(['body_too_large', 413])
})

test('a chain of more than ten certificates is not parsed', async () => {
  const { ticket } = await openEnrollment()
  const keys = await createDeviceKeys({ verification: true })
  const statement = await androidStatement(ticket, keys)
  const chain = [...statement.possession, ...statement.possession, ...statement.possession].slice(
    0,
    10,
  )
  await setPolicy('require')
  const refusal = await refusalOf(claim(ticket, keys, { ...statement, possession: chain }))
  expect(refusal.code).toBe('attestation_invalid')
  const longer = [...chain, ...chain.slice(0, 1)]
  const tooLong = await refusalOf(claim(ticket, keys, { ...statement, possession: longer }))
  expect([tooLong.code, tooLong.status]).toEqual(['invalid_request', 400])
})

/** The methods in the result of an approval by this phone. */
async function amrOf(user: string, client: DeviceClient): Promise<unknown> {
  const creation = await service.api('POST', '/v1/challenges', {
    user,
    context: { application: 'Mail' },
  })
  const [request] = (await client.pending()).requests
  if (!request) throw new Error('the phone was asked')
  await client.approve(request, creation.json.number)
  const read = await service.api('GET', `/v1/challenges/${creation.json.id}`)
  return decodeJwt(read.json.result).amr
}
