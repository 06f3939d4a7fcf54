import 'reflect-metadata'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildRevocationFile } from '../../src/enrollments/attestation/revocation-file.ts'

describe('the list of revoked certificates', () => {
  test('is read from the operator’s copy, again when it changes, and never half', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'countersign-'))
    const file = path.join(folder, 'status.json')
    const list = buildRevocationFile(file)
    const write = async (content: unknown, time: number) => {
      await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
      await utimes(file, time, time)
    }
    try {
      await expect(list.isRevoked('1f')).rejects.toThrow()
      await write({ entries: { '1F': { status: 'REVOKED' }, '002a': { status: 'SUSPENDED' } } }, 1)
      expect(await Promise.all(['1f', '2a', '3'].map(list.isRevoked))).toEqual([true, true, false])
      await write({ entries: { 3: { status: 'REVOKED' } } }, 2)
      expect(await Promise.all(['1f', '3'].map(list.isRevoked))).toEqual([false, true])
      for (const badContent of ['{"entries":', [], { entries: [] }, { entries: null }]) {
        await write(badContent, 3)
        await expect(list.isRevoked('1f')).rejects.toThrow()
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
