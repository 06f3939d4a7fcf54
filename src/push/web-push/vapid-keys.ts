import type { WebPushKeys } from '../../devices/push-address.store.ts'
import { type Refusal, refuse } from '../../domain/refusal.ts'
import type { Sealing } from '../../platform/world.ts'
import { createVapidKey, readVapidKey, type VapidKey } from './vapid.ts'
import type { StoredVapidKey, VapidKeyStore } from './vapid-key.store.ts'

export type Dependencies = {
  readonly vapidKeys: VapidKeyStore
  readonly sealing: Pick<Sealing, 'seal' | 'open'>
}

const bindingOf = (publicKey: string) => `vapid-key:${publicKey}`

function createSealedKey({ sealing }: Dependencies): StoredVapidKey {
  const { publicKey, privateText } = createVapidKey()
  return { publicKey, privateSealed: sealing.seal(privateText, bindingOf(publicKey)) }
}

async function currentKey(dependencies: Dependencies): Promise<string> {
  const { vapidKeys } = dependencies
  const publicKey = await vapidKeys.findCurrent()
  if (publicKey !== null) return publicKey
  // Of several processes that create the first one at a time, the key of one is stored.
  await vapidKeys.addFirst(createSealedKey(dependencies))
  const storedKey = await vapidKeys.findCurrent()
  if (storedKey === null) throw new Error('the first VAPID key was not stored')
  return storedKey
}

export type VapidKeys = WebPushKeys & {
  /**
   * A key ready to sign; null when the installation never had it. Rejects when it is sealed under
   * another master key.
   */
  find(publicKey: string): Promise<VapidKey | null>
}

/**
 * The VAPID keys of the installation. The first is created when a browser first asks for it; old
 * ones stay, because a browser that subscribed under one accepts no other.
 */
export function buildVapidKeys(dependencies: Dependencies): VapidKeys {
  const { vapidKeys, sealing } = dependencies
  // A key never changes under its public half. One that was not found is not remembered.
  const openedKeys = new Map<string, VapidKey>()

  async function find(publicKey: string): Promise<VapidKey | null> {
    const openedKey = openedKeys.get(publicKey)
    if (openedKey) return openedKey
    const storedKey = await vapidKeys.find(publicKey)
    if (!storedKey) return null
    const privateText = sealing.open(storedKey.privateSealed, bindingOf(publicKey))
    const key = readVapidKey(publicKey, privateText)
    openedKeys.set(publicKey, key)
    return key
  }

  return {
    find,
    current: () => currentKey(dependencies),
    has: async (publicKey) => (await find(publicKey)) !== null,
  }
}

/**
 * Gives the installation its next VAPID key: browsers subscribe anew under it when their app next
 * asks for it, and are pushed under the old one until then.
 */
export async function rotateVapidKey(
  dependencies: Dependencies,
): Promise<{ readonly publicKey: string } | Refusal<'conflict'>> {
  const former = await currentKey(dependencies)
  const next = createSealedKey(dependencies)
  const rotation = await dependencies.vapidKeys.rotate(former, next)
  return rotation === 'done' ? { publicKey: next.publicKey } : refuse('conflict')
}
