// Shared by the tests of pushes to browsers: a sender for the simulator, and messages to browsers
// that it knows.

import type { PushServiceName, Subscription } from '../../../simulator/browsers.ts'
import type { Simulator } from '../../../simulator/simulator.ts'
import { pushServiceHosts, webPushToken } from '../../../src/domain/push-subscription.ts'
import { systemClock } from '../../../src/platform/net/clock.ts'
import { buildEgressGuard } from '../../../src/platform/net/egress-guard.ts'
import type { PushMessage } from '../../../src/push/push.store.ts'
import { createVapidKey, readVapidKey } from '../../../src/push/web-push/vapid.ts'
import { buildWebPushProvider, type WebPushOptions } from '../../../src/push/web-push/web-push.ts'
import { aPush, recordingLog } from '../push-gateway.ts'

/** A VAPID key that is ready to sign. */
export function aVapidKey() {
  const { publicKey, privateText } = createVapidKey()
  return readVapidKey(publicKey, privateText)
}

const installationKey = aVapidKey()
/** The key of the sender here, under which browsers subscribe. */
export const vapidKey = installationKey.publicKey
export const page = 'https://approve.example.com/authenticator/'

/** A sender that connects to what names lead to. */
export function directSender(more: Partial<WebPushOptions> = {}) {
  return buildWebPushProvider({
    keys: { find: async (publicKey) => (publicKey === vapidKey ? installationKey : null) },
    hosts: pushServiceHosts,
    subject: 'mailto:ops@example.com',
    page,
    guard: buildEgressGuard(),
    clock: systemClock,
    log: recordingLog(),
    ...more,
  })
}

/** A sender for the simulator's push services. */
export function webPushFor(simulator: Simulator, more: Partial<WebPushOptions> = {}) {
  return directSender({ address: simulator.webPush, ca: [simulator.caPem], ...more })
}

/** A prompt to this browser. */
export function aPushTo(
  subscription: Subscription,
  { key = vapidKey, ...more }: Omit<Partial<PushMessage>, 'address'> & { key?: string } = {},
): PushMessage {
  const token = webPushToken({ ...subscription, vapidKey: key })
  return aPush({ ...more, address: { provider: 'web_push', token } })
}

/** A prompt to a new browser. */
export function aPushToBrowser(
  simulator: Simulator,
  service: PushServiceName = 'mozilla',
  more: Omit<Partial<PushMessage>, 'address'> = {},
): PushMessage {
  return aPushTo(simulator.browsers.subscribe(vapidKey, service), more)
}
