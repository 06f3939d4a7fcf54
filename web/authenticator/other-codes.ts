// Codes of other services that this browser keeps, on its own: no server hears of them.

import type { OtherSecret } from './otpauth.ts'
import { codeKey } from './passcode.ts'
import { mark, settle } from './vault.ts'

/** One of them; the key cannot be exported. */
export type OtherCode = Pick<OtherSecret, 'issuer' | 'name' | 'digits' | 'period'> & {
  readonly id: string
  readonly key: CryptoKey
}

const storeName = 'codes'

/** A store of its own: the one of accounts is open in every window, and would have to change. */
async function open(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const request = indexedDB.open('countersign-other-codes', 1)
  request.onupgradeneeded = () => {
    request.result.createObjectStore(storeName, { keyPath: 'id' })
  }
  return (await settle(request)).transaction(storeName, mode).objectStore(storeName)
}

/** All of them, by their names. Throws a VaultError where the browser keeps nothing. */
export async function otherCodes(): Promise<OtherCode[]> {
  const codes: OtherCode[] = await settle((await open('readonly')).getAll())
  const labelOf = ({ issuer, name }: OtherCode) => `${issuer} ${name}`
  return codes.sort((one, other) => labelOf(one).localeCompare(labelOf(other)))
}

export async function addOtherCode({ secret, hash, ...rest }: OtherSecret): Promise<void> {
  const code: OtherCode = { ...rest, id: crypto.randomUUID(), key: await codeKey(secret, hash) }
  await settle((await open('readwrite')).put(code))
  mark('other-codes', true)
}

/** Forgets it, with its key. */
export async function removeOtherCode(id: string): Promise<void> {
  await settle((await open('readwrite')).delete(id))
  mark('other-codes', (await otherCodes()).length > 0)
}
