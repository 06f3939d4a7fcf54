// What the phone in the terminal stores between two starts.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { DeviceAccount } from '../../clients/device/src/account.ts'
import {
  type DeviceKeys,
  type ExportedDeviceKeys,
  exportDeviceKeys,
  importDeviceKeys,
} from '../../clients/device/src/keys.ts'

/**
 * Keys and account. A real phone has its keys in secure hardware; this one has a file that only its
 * user can read.
 */
export type StoredPhone = { readonly keys: DeviceKeys; readonly account: DeviceAccount }

type PhoneFile = { readonly keys: ExportedDeviceKeys; readonly account: DeviceAccount }

/**
 * The phone in this file, or null when there is no file. Throws when the file holds something else.
 */
export async function loadPhone(file: string): Promise<StoredPhone | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  const { keys, account } = JSON.parse(text) as PhoneFile
  return { keys: await importDeviceKeys(keys, { extractable: true }), account }
}

export async function savePhone(file: string, { keys, account }: StoredPhone): Promise<void> {
  const content: PhoneFile = { keys: await exportDeviceKeys(keys), account }
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, `${JSON.stringify(content)}\n`, { mode: 0o600 })
}
