import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEFAULT_BUNDLE_ID, type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { ApnsClient, rightHeaders } from './wire-clients.ts'

let simulator: Simulator
let client: ApnsClient
let token: string
let right: Record<string, string>

beforeAll(async () => {
  simulator = await startSimulator()
  client = new ApnsClient(simulator)
  token = simulator.phones.register({ provider: 'apns', appId: DEFAULT_BUNDLE_ID }).token
  right = await rightHeaders(simulator, token)
})
afterAll(async () => {
  client.session.destroy()
  await simulator.close()
})

const body = (bytes: number): string => JSON.stringify({ aps: {}, x: 'x'.repeat(bytes - 17) })

type Fields = Record<string, string | string[]>
type AcceptedCase = [what: string, headers: Fields, body?: string]
type RefusedCase = [reason: string, status: number, headers: Fields, body?: string]

const acceptedCases: AcceptedCase[] = [
  ['a plain alert', {}],
  ['priority 10', { 'apns-priority': '10' }],
  ['priority 5', { 'apns-priority': '5' }],
  ['priority 1', { 'apns-priority': '1' }],
  ['a background push at priority 5', { 'apns-push-type': 'background', 'apns-priority': '5' }],
  ['a collapse id of 64 bytes', { 'apns-collapse-id': 'c'.repeat(64) }],
  ['an expiration in the future', { 'apns-expiration': '4102444800' }],
  ['an expiration of 0', { 'apns-expiration': '0' }],
  ['an expiration in the past', { 'apns-expiration': '1' }],
  ['a payload of 4096 bytes', {}, body(4096)],
  [
    'a VoIP payload of 5120 bytes',
    { 'apns-push-type': 'voip', 'apns-topic': `${DEFAULT_BUNDLE_ID}.voip` },
    body(5120),
  ],
]

test.each(acceptedCases)('the gateway accepts %s', async (_what, headers, payload) => {
  const answer = await client.request({ ...right, ...headers }, payload)
  expect(answer).toMatchObject({ status: 200, text: '' })
})

const collapseId65 = 'c'.repeat(65)
const refusedCases: RefusedCase[] = [
  ['BadPath', 404, { ':path': '/3/devices/00' }],
  ['BadPath', 404, { ':path': '/3/device/00/more' }],
  ['MethodNotAllowed', 405, { ':method': 'GET' }],
  ['MethodNotAllowed', 405, { ':method': 'PUT' }],
  ['MissingDeviceToken', 400, { ':path': '/3/device/' }],
  ['DuplicateHeaders', 400, { 'apns-topic': ['a', 'b'] }],
  ['DuplicateHeaders', 400, { 'apns-priority': ['10', '10'] }],
  ['MissingProviderToken', 403, { authorization: '' }],
  ['MissingProviderToken', 403, { authorization: 'basic eDp5' }],
  ['InvalidProviderToken', 403, { authorization: 'bearer not.a.token' }],
  ['MissingTopic', 400, { 'apns-topic': '' }],
  ['BadTopic', 400, { 'apns-topic': 'not a topic' }],
  ['BadTopic', 400, { 'apns-push-type': 'voip' }],
  ['BadTopic', 400, { 'apns-push-type': 'liveactivity' }],
  ['TopicDisallowed', 400, { 'apns-topic': 'com.example.stranger' }],
  ['InvalidPushType', 400, { 'apns-push-type': 'urgent' }],
  ['InvalidPushType', 400, { 'apns-push-type': 'constructor' }],
  ['InvalidPushType', 400, { 'apns-push-type': '' }],
  ['BadPriority', 400, { 'apns-priority': '7' }],
  ['BadPriority', 400, { 'apns-priority': 'high' }],
  ['BadPriority', 400, { 'apns-push-type': 'background', 'apns-priority': '10' }],
  ['BadPriority', 400, { 'apns-push-type': 'background' }],
  ['BadExpirationDate', 400, { 'apns-expiration': 'tomorrow' }],
  ['BadExpirationDate', 400, { 'apns-expiration': '-1' }],
  ['BadExpirationDate', 400, { 'apns-expiration': '1.5' }],
  ['BadCollapseId', 400, { 'apns-collapse-id': collapseId65 }],
  ['BadMessageId', 400, { 'apns-id': 'dlv_1' }],
  ['BadDeviceToken', 400, { ':path': '/3/device/not-hex' }],
  ['BadDeviceToken', 400, { ':path': `/3/device/${'ab'.repeat(32)}` }],
  ['PayloadEmpty', 400, {}, ''],
  ['PayloadEmpty', 400, {}, '[]'],
  ['PayloadEmpty', 400, {}, '{"aps":'],
  ['PayloadTooLarge', 413, {}, body(4097)],
  ['PayloadTooLarge', 413, {}, body(50_000)],
  [
    'PayloadTooLarge',
    413,
    { 'apns-push-type': 'voip', 'apns-topic': `${DEFAULT_BUNDLE_ID}.voip` },
    body(5121),
  ],
]

test.each(refusedCases)(
  '%s is answered with %i to %o',
  async (reason, status, headers, payload) => {
    const before = simulator.log.acceptedPushes().length
    const answer = await client.request({ ...right, ...headers }, payload)
    expect({ status: answer.status, body: JSON.parse(answer.text) }).toEqual({
      status,
      body: { reason },
    })
    expect(simulator.log.acceptedPushes()).toHaveLength(before)
  },
)

test('a collapse id is measured in bytes on the wire, not in characters', async () => {
  const send = async (id: string): Promise<number> => {
    const headers = { 'apns-collapse-id': Buffer.from(id).toString('latin1') }
    return (await client.request({ ...right, ...headers })).status
  }
  expect([await send('é'.repeat(32)), await send('é'.repeat(33))]).toEqual([200, 400])
})

const lives: [string, Fields, number][] = [
  ['without an expiration', {}, 30 * 86_400_000],
  ['with one beyond 30 days', { 'apns-expiration': '4102444800' }, 30 * 86_400_000],
  ['with 0', { 'apns-expiration': '0' }, 0],
]

test.each(lives)('a notification %s is stored for that long', async (_what, headers, lifeMs) => {
  await client.request({ ...right, ...headers })
  const push = simulator.log.acceptedPushes(token).at(-1)
  expect((push?.expiresAt ?? 0) - (push?.at ?? 0)).toBe(lifeMs)
})

describe('apns-id', () => {
  test('is echoed, in the sender’s letter case', async () => {
    const id = '0190e1f7-9C1b-7c3a-8d2e-1a2b3c4d5e6f'
    const answer = await client.request({ ...right, 'apns-id': id })
    expect(answer.headers['apns-id']).toBe(id)
    expect(simulator.log.acceptedPushes(token).at(-1)?.id).toBe(id)
  })

  test('is generated when the sender gives none, and comes with refusals too', async () => {
    const uuid = /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/
    const answers = [
      await client.request(right),
      await client.request({ ...right, 'apns-priority': '7' }),
    ]
    expect(answers.map(({ headers }) => headers['apns-id'])).toEqual([
      expect.stringMatching(uuid),
      expect.stringMatching(uuid),
    ])
  })
})

describe('the device token', () => {
  test('of another app is DeviceTokenNotForTopic', async () => {
    const other = simulator.phones.register({ provider: 'apns', appId: 'com.example.other' })
    const answer = await client.request({ ...right, ':path': `/3/device/${other.token}` })
    expect(answer).toMatchObject({ status: 400, text: '{"reason":"DeviceTokenNotForTopic"}' })
  })

  test('of the other environment is BadDeviceToken, and each environment knows its own', async () => {
    const { token: ours } = simulator.phones.register({
      provider: 'apns',
      appId: DEFAULT_BUNDLE_ID,
      environment: 'sandbox',
    })
    await using sandbox = new ApnsClient(simulator, 'api.sandbox.push.apple.com')
    const headers = { ...right, ':path': `/3/device/${ours}` }
    const answers = [
      await client.request(headers),
      await sandbox.request(right),
      await sandbox.request(headers),
    ]
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 200])
    expect(answers[0]?.text).toBe('{"reason":"BadDeviceToken"}')
    expect(answers[2]?.headers['apns-unique-id']).toBeTypeOf('string')
  })

  test('is found in either letter case of its hex digits', async () => {
    const headers = { ...right, ':path': `/3/device/${token.toUpperCase()}` }
    expect(await client.request(headers)).toMatchObject({ status: 200 })
  })

  test('of a removed app is Unregistered with the time of removal in milliseconds', async () => {
    const removedPhone = simulator.phones.register({ provider: 'apns', appId: DEFAULT_BUNDLE_ID })
    simulator.phones.unregister(removedPhone.token, new Date('2026-03-01T12:00:00Z'))
    const answer = await client.request({ ...right, ':path': `/3/device/${removedPhone.token}` })
    expect(answer.status).toBe(410)
    expect(JSON.parse(answer.text)).toEqual({ reason: 'Unregistered', timestamp: 1772366400000 })
  })
})
