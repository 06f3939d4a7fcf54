// What the worker tells the service in the name of an account, whether a window is open or not.

import { DeviceClient } from '../../clients/device/src/device.ts'
import { ownFetch } from './own-fetch.ts'
import { subscriptionUnder } from './subscription.ts'
import { type Enrolled, isEnrolled, Vault } from './vault.ts'

const clientOf = ({ account, keys }: Enrolled) =>
  new DeviceClient({ account, keys, fetch: ownFetch })

/** The accounts whose device is in use, as far as this browser has heard. */
async function liveRecords(vault: Vault): Promise<Enrolled[]> {
  const records = await vault.all()
  return records.filter(isEnrolled).filter(({ endedAt }) => endedAt === null)
}

/**
 * Tells the service that a push has arrived, by what it names: the device, and the question or the
 * test that waits for it. Nothing about anything else, and nothing for a device that is not here.
 */
export async function confirmReceipt(data: Readonly<Record<string, unknown>>): Promise<void> {
  const { did, cid, pid, kind } = data
  const record = (await liveRecords(await Vault.open())).find(({ id }) => id === did)
  if (!record) return
  const client = clientOf(record)
  if (kind === 'challenge_opened' && typeof cid === 'string') await client.reportReceipt(cid)
  if (kind === 'test' && typeof pid === 'string') await client.reportTestPush(pid)
}

/**
 * Subscribes anew where the browser has dropped the subscription, and gives it to every account
 * that had one.
 */
export async function renewSubscription(pushManager: PushManager): Promise<void> {
  const vault = await Vault.open()
  const records = await liveRecords(vault)
  const holders = records.filter(({ pushEndpoint }) => typeof pushEndpoint === 'string')
  const [first] = holders
  if (!first) return
  const push = await subscriptionUnder(pushManager, await clientOf(first).webPushKey())
  const register = async (record: Enrolled) => {
    await clientOf(record).setPushToken(push)
    await vault.change(record.id, { pushEndpoint: push.endpoint })
  }
  await Promise.allSettled(holders.map(register))
}
