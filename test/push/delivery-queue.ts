import type { ChallengeId, DeliveryId, DeviceId } from '../../src/domain/ids.ts'
import type { Settlement } from '../../src/push/delivery.store.ts'
import { aDevice, aStoredChallenge, aUser, type Stores } from '../support/stores.ts'
import { storesTest } from '../support/world-test.ts'

type Row = {
  readonly id: DeliveryId
  readonly status: string
  readonly reason: string | null
  readonly attempts: number
  readonly leased_by: string | null
  readonly provider_message_id: string | null
  readonly due_at: Date
  readonly settled_at: Date | null
}

export const success = { status: 'sent', providerMessageId: 'apns-1' } as const
export const retry = (retryAfterMs: number) =>
  ({ status: 'queued', reason: 'busy', retryAfterMs }) as const

/** A user, and the queue of pushes, emptied: a claim takes what is due of every tenant. */
async function anEmptyQueue(stores: Stores) {
  await stores.database.query('empty', 'delete from deliveries', [])
  const user = await aUser(stores)
  async function rows(): Promise<Row[]> {
    return stores.database.query<Row>('rows', 'select * from deliveries order by id', [])
  }
  async function row(): Promise<Row> {
    const [only, ...more] = await rows()
    if (!only || more.length > 0) throw new Error('there is one delivery')
    return only
  }

  /** Ends every lease. */
  async function endLeases() {
    const text = `update deliveries set leased_until = clock_timestamp() - interval '1 ms'
    where leased_by is not null`
    await stores.database.query('end_leases', text, [])
  }
  /** Makes every retry due. */
  async function passTime() {
    await stores.database.query('pass_time', 'update deliveries set due_at = clock_timestamp()', [])
  }

  /** A challenge with a queued push whose creator is gone. */
  async function aQueuedPush(): Promise<{ id: ChallengeId; device: DeviceId }> {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    await endLeases()
    return { id, device }
  }

  function settle(leasedBy: string, id: DeliveryId, outcome: Settlement['outcome']) {
    return stores.deliveries.settle(leasedBy, [{ tenantId: user.tenantId, id, outcome }])
  }
  return { user, rows, row, endLeases, passTime, aQueuedPush, settle }
}

export type DeliveryQueue = Awaited<ReturnType<typeof anEmptyQueue>>

/** A test with the queue of pushes to itself. */
export const test = storesTest.extend('queue', { auto: true }, ({ stores }) => anEmptyQueue(stores))
