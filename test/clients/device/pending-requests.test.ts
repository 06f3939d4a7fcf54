import { expect, test } from 'vitest'
import { isListedRequest, readPending } from '../../../clients/device/src/pending-requests.ts'
import {
  challengeId,
  createTenantKeys,
  deviceId,
  issuer,
  serverNow,
  signRequest,
  tenantId,
  userId,
} from './stand-in.ts'

test('from version 2 on only the address that was signed counts', async () => {
  const tenantKeys = await createTenantKeys()
  const back = 'https://bank.example.com/back'
  const expectation = {
    keySet: tenantKeys.keySet(),
    issuer,
    tenantId,
    deviceId,
    userId,
    now: serverNow,
  }
  const leadsTo = async (signedUrl: string | null) => {
    const changes = { protocolVersion: 2, returnUrl: signedUrl }
    const request = await signRequest(tenantKeys.active(), changes)
    const returnUrl = 'https://evil.example/'
    const items = [{ id: challengeId, request, returnUrl }]
    return (await readPending(items, expectation)).requests.map((one) => one.returnUrl)
  }
  expect(await leadsTo(back)).toEqual([back])
  expect(await leadsTo(null)).toEqual([null])
  expect(await leadsTo('http://bank.example.com/')).toEqual([null])
})

test('a request leads back to an https address only, no matter what the list says', async () => {
  const tenantKeys = await createTenantKeys()
  const request = await signRequest(tenantKeys.active())
  const back = 'https://bank.example.com/back'
  const unsafe = [
    'http://bank.example.com/',
    'com.example.bank://back',
    'https://ada@evil.example/',
    'https://BANK.example.com/',
    'https:\\\\evil.example/',
    'back',
    1,
    null,
  ]
  const addresses = [undefined, back, ...unsafe]
  const items: unknown[] = addresses.map((returnUrl) => ({ id: challengeId, request, returnUrl }))
  const { requests } = await readPending(items.filter(isListedRequest), {
    keySet: tenantKeys.keySet(),
    issuer,
    tenantId,
    deviceId,
    userId,
    now: serverNow,
  })
  expect(requests.map(({ returnUrl }) => returnUrl)).toEqual(
    addresses.map((address) => (address === back ? back : null)),
  )
})
