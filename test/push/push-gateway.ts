// Shared by the tests of the push adapters: a message, a log that keeps its lines, and providers
// that use the simulator.

import { inspect } from 'node:util'
import { typeid } from 'typeid-js'
import { DEFAULT_BUNDLE_ID, type Simulator } from '../../simulator/simulator.ts'
import type { PushAddress } from '../../src/devices/push-address.store.ts'
import { systemClock } from '../../src/platform/net/clock.ts'
import { type ApnsOptions, buildApnsProvider } from '../../src/push/apns/apns.ts'
import { buildFcmProvider, type FcmOptions } from '../../src/push/fcm/fcm.ts'
import type { PushMessage, PushProvider } from '../../src/push/push.store.ts'
import type { PushLog } from '../../src/push/push-log.adapter.ts'

export const APP_ID = DEFAULT_BUNDLE_ID

type Overrides = Partial<Omit<PushMessage, 'address'>> & { address?: Partial<PushAddress> }

/** A prompt that lives for a minute, to a token of no phone unless the test sets one. */
export function aPush({ address, ...overrides }: Overrides = {}): PushMessage {
  return {
    deliveryId: typeid('dlv').toString(),
    kind: 'challenge_opened',
    tenantId: typeid('tnt').toString() as PushMessage['tenantId'],
    challengeId: typeid('chl').toString(),
    deviceId: typeid('dev').toString(),
    originHash: '7Zk1w0Qf',
    languages: [],
    expiresAt: new Date(Date.now() + 60_000),
    address: {
      provider: 'apns',
      token: 'ab'.repeat(32),
      environment: 'production',
      appId: APP_ID,
      ...address,
    },
    ...overrides,
  }
}

/** A prompt to a phone that the simulator knows. */
export function aPushTo(
  simulator: Simulator,
  provider: 'apns' | 'fcm',
  overrides: Omit<Overrides, 'address'> = {},
): PushMessage {
  const { token } = simulator.phones.register({ provider, appId: APP_ID })
  return aPush({ ...overrides, address: { provider, token } })
}

type LogLine = { readonly level: keyof PushLog; readonly fields: object; readonly message: string }

/** A log that keeps its lines; `output` is all of them as a careless logger would print them. */
export function recordingLog(): PushLog & { lines: LogLine[]; output(): string } {
  const lines: LogLine[] = []
  const at =
    (level: keyof PushLog) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields, message })
  return {
    lines,
    output: () => inspect(lines, { depth: null, maxStringLength: null, maxArrayLength: null }),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  }
}

/** A provider for the simulator's APNs. */
export function apnsFor(simulator: Simulator, overrides: Partial<ApnsOptions> = {}): PushProvider {
  const { keyPem, keyId, teamId } = simulator.credentials.apns
  return buildApnsProvider({
    key: { pem: keyPem, keyId, teamId },
    bundleId: APP_ID,
    environment: 'production',
    address: simulator.apns,
    ca: [simulator.caPem],
    clock: systemClock,
    log: recordingLog(),
    ...overrides,
  })
}

/** A provider for the simulator's FCM. */
export function fcmFor(simulator: Simulator, overrides: Partial<FcmOptions> = {}): PushProvider {
  return buildFcmProvider({
    serviceAccount: simulator.credentials.fcm.serviceAccount,
    appId: APP_ID,
    address: simulator.fcm,
    ca: [simulator.caPem],
    clock: systemClock,
    log: recordingLog(),
    ...overrides,
  })
}
