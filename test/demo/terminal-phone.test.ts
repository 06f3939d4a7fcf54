import { stat } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { reachableFolder, startPhone } from './demo-process.ts'

let service: RunningService

beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

async function anEnrollment(user: string) {
  const { json } = await service.api('POST', '/v1/enrollments', { user, displayName: 'Alice' })
  return { id: String(json.id), uri: String(json.uri) }
}
const ask = async (user: string) => {
  const context = { application: 'Payroll', action: 'Sign in', location: 'Lisbon' }
  const { status, json } = await service.api('POST', '/v1/challenges', { user, context })
  expect(status).toBe(201)
  return { id: String(json.id), number: String(json.number) }
}
const statusOf = async (id: string) =>
  (await service.api('GET', `/v1/challenges/${id}`)).json.status
const not = (number: string) => number.replace(/^./, (digit) => `${(Number(digit) + 1) % 10}`)

test('the terminal phone enrolls, answers, reports, resumes after a restart, ends when unregistered', async () => {
  const file = path.join(await reachableFolder(), 'new', 'phone.json')
  const enrollment = await anEnrollment('alice')
  const first = startPhone('--uri', enrollment.uri, '--file', file)
  await first.sees('a phone of Alice (Default)')
  await first.sees('digits that the enrollment shows')
  const claim = await service.api('GET', `/v1/enrollments/${enrollment.id}?wait=30&after=open`)
  first.type(not(claim.json.number))
  await first.sees('2 tries left')
  first.type(claim.json.number)
  await first.sees('The phone is active')
  expect((await stat(file)).mode & 0o777).toBe(0o600)

  const approvedChallenge = await ask('alice')
  await first.sees('Payroll asks: Sign in')
  await first.sees('Lisbon')
  first.type(not(approvedChallenge.number))
  await first.sees('2 tries left')
  first.type('12')
  await first.sees('exactly 6 digits')
  first.type(` ${approvedChallenge.number} `)
  await first.sees('-> approved')
  expect(await statusOf(approvedChallenge.id)).toBe('approved')

  const deniedChallenge = await ask('alice')
  await first.sees('Payroll asks')
  first.type('deny')
  await first.sees('-> denied')
  expect(await statusOf(deniedChallenge.id)).toBe('denied')

  const unansweredChallenge = await ask('alice')
  await first.sees('Payroll asks')
  first.type('')
  const cancelledChallenge = await ask('alice')
  await first.sees('Payroll asks')
  await service.api('POST', `/v1/challenges/${cancelledChallenge.id}/cancel`)
  first.type(cancelledChallenge.number)
  await first.sees('It is already cancelled.')
  expect(await statusOf(unansweredChallenge.id)).toBe('pending')

  await ask('alice')
  await first.sees('Payroll asks')
  first.leave()
  expect(await first.ended).toBe(0)

  const again = startPhone('--file', file)
  await again.sees('Payroll asks')
  again.type('report')
  await again.sees('and reported')
  const { json } = await service.api('GET', '/v1/users?limit=1')
  const all = `/v1/users/${json.items[0].id}/devices/unregister`
  expect((await service.api('POST', all, { reason: 'lost' })).status).toBe(200)
  again.type('')
  await again.sees('(device_unregistered)')
  expect(await again.ended).toBe(1)
}, 60_000)

test('the phone in the terminal shows a passcode that the service accepts', async () => {
  const file = path.join(await reachableFolder(), 'phone.json')
  const enrollment = await anEnrollment('bob')
  const first = startPhone('--uri', enrollment.uri, '--file', file)
  const claim = await service.api('GET', `/v1/enrollments/${enrollment.id}?wait=30&after=open`)
  first.type(claim.json.number)
  await first.sees('The phone is active')
  const offline = startPhone('--passcode', '--file', file)
  expect(await offline.ended).toBe(0)
  const verify = `/v1/users/${claim.json.userId}/passcodes/verify`
  const acceptance = await service.api('POST', verify, { code: offline.shown() })
  expect(acceptance.json.method).toBe('passcode')
})

test('the phone in the terminal ends at the end of input, also without a pending request', async () => {
  const file = path.join(await reachableFolder(), 'phone.json')
  const { id, uri } = await anEnrollment('bob')
  const phone = startPhone('--uri', uri, '--file', file)
  const claim = await service.api('GET', `/v1/enrollments/${id}?wait=30&after=open`)
  phone.type(claim.json.number)
  await phone.sees('Ctrl-C ends it')
  phone.leave()
  expect(await phone.ended).toBe(0)
})

test('without a phone or with an invalid address it names the missing option', async () => {
  const file = path.join(await reachableFolder(), 'phone.json')
  const none = startPhone('--file', file)
  await none.sees('give --uri')
  expect(await none.ended).toBe(1)
  const nowhere = startPhone('--file', file, '--uri', 'x', '--simulator', 'http://127.0.0.1:9')
  await nowhere.sees('no push simulator answers at http://127.0.0.1:9')
  expect(await nowhere.ended).toBe(1)
  const wrong = startPhone('--file', file, '--uri', 'https://example.com')
  await wrong.sees('--uri takes')
  expect(await wrong.ended).toBe(1)
})
