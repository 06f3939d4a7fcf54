import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { devNull, tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Revocation } from '../../../src/domain/revocation.ts'
import { readRevocation } from '../../../src/domain/revocation.ts'
import { systemRandom } from '../../../src/platform/crypto/random.ts'
import { buildRevocationLog } from '../../../src/platform/logs/revocation-log.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cs-revocations-'))
})
afterAll(() => rm(folder, { recursive: true }))

const aRevocation = (): Revocation => ({
  revocation: 'api_key_revoked',
  tenantId: systemRandom.id('tenant'),
  keyId: systemRandom.id('apiKey'),
  at: new Date(),
})

const aReplacedKey = (): Revocation => ({
  revocation: 'device_key_replaced',
  tenantId: systemRandom.id('tenant'),
  userId: systemRandom.id('user'),
  deviceId: systemRandom.id('device'),
  kid: randomBytes(32).toString('base64url'),
  at: new Date(),
})

/** A log on this file, and its reports. */
function open(file: string) {
  const reports: { facts: object; message: string }[] = []
  let failures = 0
  const log = buildRevocationLog({
    file,
    log: { error: (facts, message) => reports.push({ facts, message }) },
    onFailure: () => {
      failures++
    },
  })
  return { ...log, reports, failures: () => failures }
}

const linesOf = async (file: string) =>
  (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
const read = async (file: string) => (await linesOf(file)).map(readRevocation)

describe('the revocation log', () => {
  test('has each line on the disk when its append resolves, whole and in order, for its owner only', async () => {
    const file = path.join(folder, 'new', 'revocations.jsonl')
    const log = open(file)
    const all = Array.from({ length: 50 }, aRevocation)
    await Promise.all(all.map((one) => log.append([one])))
    expect(await read(file)).toEqual(all)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(log.reports).toEqual([])
  })

  test('continues after a line that was cut off', async () => {
    const file = path.join(folder, 'cut')
    const one = aRevocation()
    await writeFile(file, '{"revocation":"device_unreg')
    await open(file).append([one])
    expect(await read(file)).toEqual([undefined, one])
  })

  test('has a replaced key once, however often its device says so, and again after a failure', async () => {
    const file = path.join(folder, 'replaced')
    const [one, other] = [aReplacedKey(), aReplacedKey()]
    const log = open(file)
    for (let n = 0; n < 20; n++) await log.append([one])
    await log.append([other])
    expect(await read(file)).toEqual([one, other])
    const failing = open(path.join(file, 'no-folder'))
    await failing.append([one])
    await failing.append([one])
    expect(failing.failures()).toBe(2)
    // Another process does not know what was written.
    await open(file).append([one])
    expect(await read(file)).toEqual([one, other, one])
  })

  test('remembers a bounded number of replaced keys', async () => {
    const file = path.join(folder, 'many')
    const all = Array.from({ length: 10_001 }, aReplacedKey)
    const log = open(file)
    await log.append(all)
    await log.append(all.slice(0, 2))
    expect(await read(file)).toEqual([...all, all[0]])
  })

  test('follows a file that is rotated away', async () => {
    const file = path.join(folder, 'rotated')
    const log = open(file)
    const [one, two] = [aRevocation(), aRevocation()]
    await log.append([one])
    await rename(file, `${file}.1`)
    await log.append([two])
    expect([await read(`${file}.1`), await read(file)]).toEqual([[one], [two]])
  })

  test('that cannot be written rejects nothing, and reports the lines that are missing', async () => {
    const log = open(folder)
    const revocations = [aRevocation()]
    await log.append(revocations)
    expect(log.reports).toMatchObject([
      { message: 'revocation log not written', facts: { revocations } },
    ])
    expect(log.failures()).toBe(1)
  })

  test('reports at the start that it cannot be written, before there is anything to write', async () => {
    const log = open(folder)
    await log.append([])
    expect(log.reports).toHaveLength(1)
    const fine = open(path.join(folder, 'fine'))
    await fine.append([])
    expect([fine.reports, await linesOf(path.join(folder, 'fine'))]).toEqual([[], []])
  })

  test('may be a device that has no disk', async () => {
    const log = open(devNull)
    await log.append([aRevocation()])
    expect(log.reports).toEqual([])
  })
})
