import type { DeviceAccount } from '../../../clients/device/src/account.ts'
import type { DeviceKeys } from '../../../clients/device/src/keys.ts'

export type Look = 'ios' | 'android'

/**
 * Everything that a phone stores. Keys are stored as the browser created them: usable by this page,
 * readable by nobody.
 */
export type StoredPhone = {
  readonly look: Look
  readonly pushToken: string | null
  readonly keys: DeviceKeys | null
  readonly account: DeviceAccount | null
  readonly isUnregistered: boolean
  readonly isLost: boolean
  readonly isOffline: boolean
  /** By how much the phone's own clock is wrong. */
  readonly clockErrorMs: number
}

const storeName = 'phone'
const recordKey = 'all'

/** One database per phone name: phones share nothing. */
export type PhoneStorage = {
  load(): Promise<StoredPhone | undefined>
  save(phone: StoredPhone): Promise<void>
  wipe(): Promise<void>
}

export async function openStorage(phoneName: string): Promise<PhoneStorage> {
  const opening = indexedDB.open(`countersign-demo-phone ${phoneName}`, 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore(storeName)
  const database = await resultOf(opening)
  const store = (mode: IDBTransactionMode) =>
    database.transaction(storeName, mode).objectStore(storeName)
  return {
    load: () => resultOf(store('readonly').get(recordKey)) as Promise<StoredPhone | undefined>,
    save: async (phone) => {
      await resultOf(store('readwrite').put(phone, recordKey))
    },
    wipe: async () => {
      await resultOf(store('readwrite').clear())
    },
  }
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
