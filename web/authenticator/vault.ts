// What this browser keeps: accounts with their keys, which are not extractable, in IndexedDB.

import type { DeviceAccount, DeviceKeys } from '../../clients/device/src/device.ts'

/** One enrollment of this browser. */
export type StoredAccount = {
  /** Of the enrollment until the service has given a device id. */
  readonly id: string
  readonly keys: DeviceKeys
  /** Null while a claim is under way. */
  readonly account: DeviceAccount | null
  /** Of the app that last described this device to the service. */
  readonly appVersion: string
  /** When the service first refused the device as unregistered; null while it may be in use. */
  readonly endedAt: string | null
  /** The subscription to pushes that the service has; absent until notifications are turned on. */
  readonly pushEndpoint?: string | null
}

/** A stored account whose claim is complete. */
export type Enrolled = StoredAccount & { readonly account: DeviceAccount }

export const isEnrolled = (record: StoredAccount): record is Enrolled => record.account !== null

/** The browser keeps nothing: private windows, a full disk, a setting. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
}

const storeName = 'accounts'

/** What a request to the store gives; throws a VaultError. */
export function settle<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(new VaultError('the browser refused', { cause: request.error }))
  })
}

/** The accounts of this browser, shared by all its windows. */
export class Vault {
  readonly #database: IDBDatabase

  private constructor(database: IDBDatabase) {
    this.#database = database
  }

  /** Throws a VaultError where the browser keeps nothing. */
  static async open(): Promise<Vault> {
    try {
      const request = indexedDB.open('countersign-authenticator', 1)
      request.onupgradeneeded = () => {
        request.result.createObjectStore(storeName, { keyPath: 'id' })
      }
      return new Vault(await settle(request))
    } catch (cause) {
      throw cause instanceof VaultError ? cause : new VaultError('no storage', { cause })
    }
  }

  async all(): Promise<StoredAccount[]> {
    return settle(this.#store('readonly').getAll())
  }

  /** Resolves once it is written: a key that is not stored must not be enrolled. */
  put(account: StoredAccount): Promise<void> {
    return this.#write((store) => store.put(account))
  }

  /**
   * Changes these members of what is stored by then, as far as it is: another window, or the
   * worker, may have changed others, or removed the account.
   */
  change(id: string, changes: Partial<Omit<StoredAccount, 'id' | 'keys'>>): Promise<void> {
    return this.#write((store) => {
      const reading: IDBRequest<StoredAccount | undefined> = store.get(id)
      reading.onsuccess = () => {
        if (reading.result) store.put({ ...reading.result, ...changes })
      }
    })
  }

  /** Forgets the keys, too. */
  remove(id: string): Promise<void> {
    return this.#write((store) => store.delete(id))
  }

  /** Stores it under the id of its device, in the place of the claim that was under way. */
  replace(formerId: string, account: StoredAccount): Promise<void> {
    return this.#write((store) => {
      store.delete(formerId)
      store.put(account)
    })
  }

  #store(mode: IDBTransactionMode): IDBObjectStore {
    return this.#database.transaction(storeName, mode).objectStore(storeName)
  }

  #write(change: (store: IDBObjectStore) => unknown): Promise<void> {
    const store = this.#store('readwrite')
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown = store.transaction.error) => {
        reject(new VaultError('not stored', { cause }))
      }
      store.transaction.oncomplete = () => resolve()
      store.transaction.onabort = () => fail()
      store.transaction.onerror = () => fail()
      try {
        change(store)
      } catch (error) {
        fail(error)
      }
    })
  }
}

/** What may be in a database, as it is marked outside of it. */
type Contents = 'accounts' | 'other-codes'

/**
 * Remembers outside a database that there is something in it, so that an emptied one is not taken
 * for a first start.
 */
export function mark(contents: Contents, isAny: boolean): void {
  try {
    if (isAny) localStorage.setItem(`countersign-${contents}`, 'yes')
    else localStorage.removeItem(`countersign-${contents}`)
  } catch {
    // Nothing is kept here: the next start looks like the first.
  }
}

/** Whether this browser had some, as far as it remembers. */
export function isMarked(contents: Contents): boolean {
  try {
    return localStorage.getItem(`countersign-${contents}`) !== null
  } catch {
    return false
  }
}

/** Asks the browser not to evict the keys; false where it may. */
export async function askToPersist(): Promise<boolean> {
  const isKept = await navigator.storage?.persisted?.().catch(() => false)
  return isKept || ((await navigator.storage?.persist?.().catch(() => false)) ?? false)
}
