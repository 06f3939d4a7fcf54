import type { Challenge, Device } from './relying-party.ts'
import type { Happening, PhoneProgress } from './sign-in-view.ts'

/** The events of one challenge, each once, in order of time. */
export class Happenings {
  readonly #startMs: number
  readonly #entries = new Map<string, { who: string; what: string; atMs: number }>()

  constructor(startMs: number) {
    this.#startMs = startMs
  }

  /**
   * Records an event under a name; the first one of a name counts. Times are milliseconds since the
   * epoch.
   */
  note(name: string, who: string, what: string, atMs: number = Date.now()): void {
    if (!this.#entries.has(name)) this.#entries.set(name, { who, what, atMs: atMs - this.#startMs })
  }

  /** Records what a reading of the challenge shows about its delivery to the phones. */
  readProgress({ devices }: Pick<Challenge, 'devices'>, userDevices: readonly Device[]): void {
    for (const { deviceId, push, receivedAt, fetchedAt } of devices) {
      const device = userDevices.find(({ id }) => id === deviceId)
      const phone = device?.name ?? 'Phone'
      if (push?.settledAt && push.status === 'sent') {
        this.note(
          `sent ${deviceId} ${push.settledAt}`,
          gatewayOf(device),
          `confirmed the push for ${phone}`,
          Date.parse(push.settledAt),
        )
      }
      if (receivedAt) {
        this.note(`received ${deviceId}`, phone, 'got the push', Date.parse(receivedAt))
      }
      if (device?.unregisteredAt) {
        this.note(
          `unregistered ${deviceId}`,
          'Countersign',
          `unregistered ${phone}`,
          Date.parse(device.unregisteredAt),
        )
      }
      if (fetchedAt) {
        this.note(`fetched ${deviceId}`, phone, 'fetched the signed request', Date.parse(fetchedAt))
      }
    }
  }

  list(): readonly Happening[] {
    return [...this.#entries.values()].toSorted((one, other) => one.atMs - other.atMs)
  }
}

/** What wakes this device; the push service of a browser is its maker's. */
function gatewayOf(device: Device | undefined): string {
  if (device?.platform === 'web') return 'Web Push'
  return device?.platform === 'ios' ? 'APNs (simulated)' : 'FCM (simulated)'
}

/** How far the challenge got with each phone. */
export function progressOf(
  { devices, suppressed }: Pick<Challenge, 'devices' | 'suppressed'>,
  userDevices: readonly Device[],
): readonly PhoneProgress[] {
  return devices.map(({ deviceId, push, receivedAt, fetchedAt }) => {
    const device = userDevices.find(({ id }) => id === deviceId)
    return {
      name: device?.name ?? 'Phone',
      gateway: gatewayOf(device),
      stage:
        device?.status === 'unregistered'
          ? 'unregistered'
          : stageOf({ push, receivedAt, fetchedAt }, suppressed),
      reason: push?.reason ?? null,
    }
  })
}

function stageOf(
  { push, receivedAt, fetchedAt }: Omit<Challenge['devices'][number], 'deviceId'>,
  suppressed: Challenge['suppressed'],
): PhoneProgress['stage'] {
  if (fetchedAt) return 'opened'
  if (receivedAt) return 'received'
  if (push === null) {
    return suppressed === null || suppressed === 'no_push_token' ? 'no_push' : 'suppressed'
  }
  if (push.status === 'queued') return 'waiting'
  return push.status
}
