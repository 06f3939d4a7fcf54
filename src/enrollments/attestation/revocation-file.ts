import { readFile, stat } from 'node:fs/promises'
import type { RevokedCertificates } from '../attestation.store.ts'

/** Without a list nothing counts as revoked. */
export const nothingRevoked: RevokedCertificates = { isRevoked: async () => false }

/**
 * Reads a copy of Google's status list (`https://android.googleapis.com/attestation/status`) that
 * the operator provides; re-reads it whenever the file changes. Every entry counts, whether revoked
 * or suspended.
 */
export function buildRevocationFile(path: string): RevokedCertificates {
  let read: { readonly version: string; readonly serials: ReadonlySet<string> } | null = null
  return {
    async isRevoked(serial) {
      const { mtimeMs, size } = await stat(path)
      const version = `${mtimeMs} ${size}`
      if (read?.version !== version) read = { version, serials: await readSerials(path) }
      return read.serials.has(serial)
    },
  }
}

async function readSerials(path: string): Promise<ReadonlySet<string>> {
  const list: unknown = JSON.parse(await readFile(path, 'utf8'))
  const entries = typeof list === 'object' && list !== null && 'entries' in list && list.entries
  if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) {
    throw new Error('this is no list of revoked certificates')
  }
  return new Set(Object.keys(entries).map((key) => key.toLowerCase().replace(/^0+(?=.)/, '')))
}
