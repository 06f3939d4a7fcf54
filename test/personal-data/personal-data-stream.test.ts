import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { PersonalDataPage } from '../../src/personal-data/personal-data.store.ts'
import { personalDataStream } from '../../src/personal-data/personal-data-stream.http.ts'
import { until } from '../support/until.ts'

const limits = { exportMs: 60_000, exportIdleMs: 60_000 }
const running = () => false

/** A reading of these pages; a number means so many large ones. */
function aReading(pages: readonly (PersonalDataPage | Error)[] | number) {
  const counts = { read: 0, closed: 0 }
  const large = { table: 'activities', rows: [JSON.stringify('x'.repeat(100_000))] }
  return {
    counts,
    async next() {
      const page =
        typeof pages === 'number' ? (counts.read < pages ? large : null) : pages[counts.read]
      counts.read++
      if (page instanceof Error) throw page
      return page ?? null
    },
    async close() {
      counts.closed++
    },
  }
}

async function textOf(stream: AsyncIterable<Buffer>) {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(Buffer.from(part))
  return Buffer.concat(parts).toString()
}

test('an export is one JSON document: tables in order, whole, even if empty', async () => {
  const reading = aReading([
    { table: 'users', rows: ['{"id": "usr_1"}'] },
    { table: 'reports', rows: [] },
    { table: 'activities', rows: ['{"n": 1}', '{"n": 2}'] },
    { table: 'activities', rows: ['{"n": 3}'] },
  ])
  const text = await textOf(personalDataStream(reading, limits, running))
  expect(JSON.parse(text)).toEqual({
    tables: { users: [{ id: 'usr_1' }], reports: [], activities: [{ n: 1 }, { n: 2 }, { n: 3 }] },
  })
  expect(reading.counts.closed).toBe(1)
})

test('an export is read no faster than the client reads it', async () => {
  const reading = aReading(1_000)
  const stream = personalDataStream(reading, limits, running)
  await once(stream, 'readable')
  expect(reading.counts.read).toBeLessThan(5)
  stream.destroy()
  await until('it is closed', () => reading.counts.closed === 1)
})

test('an export has no end when reading fails half-way', async () => {
  const reading = aReading([{ table: 'users', rows: [] }, new Error('gone')])
  await expect(textOf(personalDataStream(reading, limits, running))).rejects.toThrow('gone')
  expect(reading.counts.closed).toBe(1)
})

test('an export has no end when the process stops', async () => {
  const stream = personalDataStream(aReading(3), limits, () => true)
  await expect(textOf(stream)).rejects.toThrow('stops')
})

test.each([
  ['a client that reads nothing more', { ...limits, exportIdleMs: 1 }],
  ['a client that reads too slowly', { ...limits, exportMs: 1 }],
])('an export ends with an error for %s', async (_, short) => {
  const reading = aReading(1_000)
  const stream = personalDataStream(reading, short, running)
  const [error] = await once(stream, 'error')
  expect(error.message).toContain('not read in time')
  expect(reading.counts.closed).toBe(1)
})
