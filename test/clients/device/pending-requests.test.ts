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
