import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../clients/device/src/enrollment.ts'
import { createDeviceKey, createDeviceKeys } from '../../clients/device/src/keys.ts'
import {
  type GetAssertion,
  type NewCredential,
  readAssertion,
  readPasskey,
} from '../../clients/device/src/passkey.ts'
import { callAsDevice } from '../support/device-calls.ts'
import { enrollPhone, type RunningService, startTestService } from '../support/running-service.ts'
import { aSoftwarePasskey } from '../support/software-passkey.ts'

const authenticatorOrigin = 'https://authenticator.example.com'
let service: RunningService
beforeAll(async () => {
  service = await startTestService({ authenticatorOrigin, webauthnRpId: 'example.com' })
})
afterAll(() => service[Symbol.asyncDispose]())

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64url')).buffer

/** What a page on the authenticator's origin does with `navigator.credentials`. */
function aBrowserPasskey() {
  const passkey = aSoftwarePasskey({ origin: authenticatorOrigin, rpId: 'example.com' })
  const { registration } = passkey
  const credential: NewCredential = {
    id: registration.id,
    response: {
      getPublicKey: () => bytesOf(registration.publicKey),
      getAuthenticatorData: () => bytesOf(registration.authenticatorData),
    },
  }
  const prompts: string[] = []
  const getAssertion: GetAssertion = async ({ credentialId, challenge }) => {
    prompts.push(challenge)
    const { id, ...texts } = passkey.assert(challenge)
    expect(credentialId).toBe(id)
    const { authenticatorData, clientDataJSON, signature } = texts
    return readAssertion({
      id,
      response: {
        authenticatorData: bytesOf(authenticatorData),
        clientDataJSON: bytesOf(clientDataJSON),
        signature: bytesOf(signature),
      },
    })
  }
  return { credential, prompts, getAssertion, passkey }
}

/** A browser that joins as people do. */
async function aBrowser(user: string) {
  const reply = await service.api('POST', '/v1/enrollments', { user, displayName: user })
  if (reply.status !== 201) throw new Error(reply.text)
  const { json: opening } = reply
  const ticket = readEnrollmentUri(opening.uri)
  if (!ticket) throw new Error('no code to scan')
  const { credential, prompts, getAssertion, passkey } = aBrowserPasskey()
  const own = await createDeviceKeys({ verification: false })
  const keys = { ...own, passkey: await readPasskey(credential) }
  const account = await claimEnrollment(
    {
      ...{ ticket, keys, appId: 'countersign.web' },
      device: { name: 'B', platform: 'web', model: 'M', osVersion: '1', appVersion: '1' },
    },
    { getAssertion },
  )
  const client = new DeviceClient({ account, keys, getAssertion })
  const { json: claim } = await service.api('GET', `/v1/enrollments/${opening.id}`)
  await client.confirm(claim.number)
  return { client, keys, account, prompts, passkey, getAssertion }
}

describe('a browser with a passkey, on an origin of its own', () => {
  test('approves by one prompt a challenge for which it waits', async () => {
    const { client, prompts } = await aBrowser('ann')
    expect(prompts).toHaveLength(1)
    const waiting = client.pending({ waitSeconds: 10 })
    const { json: challenge } = await service.api('POST', '/v1/challenges', {
      user: 'ann',
      userVerification: 'required',
    })
    let { requests } = await waiting
    if (requests.length === 0) ({ requests } = await client.pending())
    const [request] = requests
    if (!request) throw new Error('nothing is pending')
    expect(await client.approve(request, challenge.number)).toEqual({ status: 'approved' })
    expect(prompts).toHaveLength(2)
    const { json: evidence } = await service.api('GET', `/v1/challenges/${challenge.id}/evidence`)
    expect(evidence.passkey).toMatchObject({ assertion: { id: client.keys.passkey?.id } })
  })

  test('denies without a prompt', async () => {
    const { client, prompts } = await aBrowser('bea')
    await service.api('POST', '/v1/challenges', { user: 'bea' })
    const { requests } = await client.pending()
    if (!requests[0]) throw new Error('nothing is pending')
    expect(await client.deny(requests[0])).toEqual({ status: 'denied' })
    expect(prompts).toHaveLength(1)
  })

  test('makes calls that want the verification key, and replaces its possession key', async () => {
    const { client, prompts } = await aBrowser('cyd')
    const phone = await enrollPhone(service, { user: 'cyd' })
    await client.unregisterOther(phone.deviceId)
    const old = client.keys.possession
    await client.rotateKey('possession', await createDeviceKey())
    expect(client.keys.possession.kid).not.toBe(old.kid)
    expect(prompts).toHaveLength(3)
    expect(await client.self()).toMatchObject({
      ...{ platform: 'web', hasVerificationKey: true, mayAnswer: true },
      passkey: { backupEligible: false, backedUp: false },
    })
    await expect(client.rotateKey('verification', await createDeviceKey())).rejects.toThrow(
      'a passkey is not replaced',
    )
  })

  test('replaces its possession key also when the reply was lost', async () => {
    const { client, keys, account, getAssertion } = await aBrowser('dee')
    const lossy: typeof fetch = async (...call) => {
      await fetch(...call)
      throw new TypeError('the reply is lost')
    }
    const unlucky = new DeviceClient({ account, keys, getAssertion, fetch: lossy })
    const key = await createDeviceKey()
    await expect(unlucky.rotateKey('possession', key)).rejects.toMatchObject({
      code: 'unreachable',
    })
    await client.rotateKey('possession', key)
    expect(client.keys.possession.kid).toBe(key.kid)
    expect(await client.self()).toMatchObject({ id: account.deviceId })
  })

  test('says so when the app brought no way to use the passkey', async () => {
    const { keys, account } = await aBrowser('eve')
    const client = new DeviceClient({ account, keys })
    await expect(client.pausePushes(null)).rejects.toThrow('needs `getAssertion`')
  })
})

describe('the header Device-Assertion', () => {
  test('is refused beyond two kilobytes, and where it is no assertion', async () => {
    const phone = await enrollPhone(service, { user: 'fay' })
    const path = '/device/v1/self'
    const send = (value: string) =>
      callAsDevice(service, phone, {
        ...{ method: 'GET', path },
        headers: { 'device-assertion': value },
      })
    for (const value of ['A'.repeat(2052), 'AAAA', '{}']) {
      expect((await send(value)).json).toMatchObject({ status: 401, code: 'proof_malformed' })
    }
  })
})

test('an assertion of more than two kilobytes is no answer', async () => {
  const phone = await enrollPhone(service, { user: 'gil' })
  const { json: challenge } = await service.api('POST', '/v1/challenges', { user: 'gil' })
  const part = 'A'.repeat(1000)
  const assertion = { id: 'AAAA', authenticatorData: part, clientDataJSON: part, signature: part }
  const answer = await callAsDevice(service, phone, {
    ...{ method: 'POST', path: `/device/v1/challenges/${challenge.id}/answer` },
    body: { answer: 'a.b.c', assertion },
  })
  expect(answer.json).toMatchObject({ status: 400, code: 'invalid_request' })
})
