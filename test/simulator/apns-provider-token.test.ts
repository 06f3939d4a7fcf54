import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApnsCredentials } from '../../simulator/credentials.ts'
import { DEFAULT_BUNDLE_ID, type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { ApnsClient, rightHeaders, signProviderToken } from './wire-clients.ts'

const MINUTE_MS = 60_000
const start = 1_772_366_400_000
let now = start
let simulator: Simulator
let right: Record<string, string>

beforeAll(async () => {
  simulator = await startSimulator({ clock: () => now })
  const { token } = simulator.phones.register({ provider: 'apns', appId: DEFAULT_BUNDLE_ID })
  right = await rightHeaders(simulator, token)
})
afterAll(() => simulator.close())

async function reasonFor(client: ApnsClient, providerToken: string): Promise<string> {
  const answer = await client.request({ ...right, authorization: `bearer ${providerToken}` })
  return answer.status === 200
    ? 'accepted'
    : `${answer.status} ${(JSON.parse(answer.text) as { reason: string }).reason}`
}

test('a token must be signed by the key that its kid names, for the team that owns it', async () => {
  const ours = simulator.credentials.apns
  const stranger = await createApnsCredentials([])
  const spoilt = {
    'another key under our ids': { ...ours, keyPem: stranger.keyPem },
    'an unknown kid': { ...ours, keyId: stranger.keyId },
    'another team': { ...ours, teamId: stranger.teamId },
  }
  for (const [what, credentials] of Object.entries(spoilt)) {
    await using client = new ApnsClient(simulator)
    const reason = await reasonFor(client, await signProviderToken(credentials, now))
    expect(reason, what).toBe('403 InvalidProviderToken')
  }
})

test('a token without a time of issue, or from the future, is invalid', async () => {
  const ours = simulator.credentials.apns
  await using client = new ApnsClient(simulator)
  const timeless = await signProviderToken(ours, now, { iat: undefined })
  const early = await signProviderToken(ours, now + 10 * MINUTE_MS)
  expect(await reasonFor(client, timeless)).toBe('403 InvalidProviderToken')
  expect(await reasonFor(client, early)).toBe('403 InvalidProviderToken')
})

test('a token expires after an hour, even one that was accepted before', async () => {
  now = start
  await using client = new ApnsClient(simulator)
  const token = await signProviderToken(simulator.credentials.apns, now)
  now = start + 60 * MINUTE_MS
  expect(await reasonFor(client, token)).toBe('accepted')
  now += 1
  expect(await reasonFor(client, token)).toBe('403 ExpiredProviderToken')
})

test('a newer token within 20 minutes is refused on the same connection, and only there', async () => {
  now = start
  const ours = simulator.credentials.apns
  const first = await signProviderToken(ours, now)
  now = start + 19 * MINUTE_MS
  const soon = await signProviderToken(ours, now)
  await using client = new ApnsClient(simulator)
  await using other = new ApnsClient(simulator)
  expect(await reasonFor(client, first)).toBe('accepted')
  expect(await reasonFor(client, soon)).toBe('429 TooManyProviderTokenUpdates')
  expect(await reasonFor(client, first)).toBe('accepted')
  expect(await reasonFor(other, soon)).toBe('accepted')
})

test('another token with the same time of issue is no update', async () => {
  now = start
  await using client = new ApnsClient(simulator)
  const tokens = [1, 2].map(() => signProviderToken(simulator.credentials.apns, now))
  const [first = '', second = ''] = await Promise.all(tokens)
  expect(first).not.toBe(second)
  expect(await reasonFor(client, first)).toBe('accepted')
  expect(await reasonFor(client, second)).toBe('accepted')
})

test('a newer token after 20 minutes replaces the old one, which then counts as an update itself', async () => {
  now = start
  const ours = simulator.credentials.apns
  const first = await signProviderToken(ours, now)
  now = start + 20 * MINUTE_MS
  const second = await signProviderToken(ours, now)
  const third = await signProviderToken(ours, now + MINUTE_MS)
  await using client = new ApnsClient(simulator)
  expect(await reasonFor(client, first)).toBe('accepted')
  expect(await reasonFor(client, second)).toBe('accepted')
  expect(await reasonFor(client, third)).toBe('429 TooManyProviderTokenUpdates')
})
