// The pictures of a prompt on which a person enrolls a first device.

import { createHash, randomBytes } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import { claimEnrollment } from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import type { RelyingPartyAccount } from '../provisioning.ts'
import { type Call, openPromptPage, redirectUri } from './prompt-people.ts'
import type { Captioned } from './prompt-states.ts'

/** A client that may enroll people, and pushes its requests; the address of one for the user. */
async function pushRequest(
  call: Call,
  { origin, tenantId, relyingPartyId }: RelyingPartyAccount,
  user: string,
): Promise<string> {
  const settings = {
    kind: 'oidc_code',
    redirectUris: [redirectUri],
    clientAuthentication: 'client_secret_post',
    enrollmentAllowed: true,
  }
  const plan = { relyingPartyId, name: 'Payroll', settings }
  const { id, secret } = await call('POST', '/v1/integrations', plan)
  const challenge = createHash('sha256').update(randomBytes(32)).digest('base64url')
  const provider = `${origin}/t/${tenantId}/oidc`
  const answer = await fetch(`${provider}/par`, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ client_id: id, client_secret: secret, redirect_uri: redirectUri, login_hint: user },
      ...{ response_type: 'code', scope: 'openid', state: 's', nonce: 'n' },
      ...{ code_challenge: challenge, code_challenge_method: 'S256' },
    }),
  })
  if (!answer.ok) throw new Error(await answer.text())
  const { request_uri } = (await answer.json()) as { readonly request_uri: string }
  return `${provider}/authorize?${new URLSearchParams({ client_id: id, request_uri })}`
}

/** Each page from the form to the device that is there. */
export async function takeFirstDevicePictures(
  browser: Browser,
  account: RelyingPartyAccount,
  call: Call,
): Promise<readonly Captioned[]> {
  const user = 'jo@larkfield.example'
  const { origin, tenantId } = account
  const { id } = await call('POST', '/v1/users', { displayName: 'Jo', identifiers: [user] })
  const { code: temporaryCode } = await call('POST', `/v1/users/${id}/temporary-codes`, {})
  const page = await openPromptPage(browser, await pushRequest(call, account, user), false)
  const shots: Captioned[] = []
  const keep = async (caption: string) => shots.push({ caption, png: await page.screenshot() })
  await page.getByText('My phone is not with me').click()
  await page.getByRole('link', { name: 'Add a first device' }).click()
  await keep('No device yet')
  const go = page.getByRole('button', { name: 'Continue' })
  await go.click()
  await page.getByRole('alert').waitFor()
  await keep('Nothing permits one')
  await page.getByLabel('Code from the help desk').fill(temporaryCode)
  await go.click()
  await page.locator('.qr').waitFor()
  await keep('The code for the device')
  const code = (await page.locator('p.code').textContent()) ?? ''
  const keys = await createDeviceKeys({ verification: true })
  const versions = { model: 'Phone', osVersion: '1', appVersion: '1' }
  const device = { name: 'Phone', platform: 'other', ...versions } as const
  const ticket = { origin, tenantId, code, user }
  const own = await claimEnrollment({ ticket, keys, appId: 'example.larkfield.phone', device })
  await page.reload()
  await keep('The number to type on it')
  const number = ((await page.locator('p.code').textContent()) ?? '').replaceAll(/\D/g, '')
  await new DeviceClient({ account: own, keys }).confirm(number)
  await page.reload()
  await keep('The device is there')
  await page.context().close()
  return shots
}
