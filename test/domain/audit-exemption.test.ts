import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkErasure,
  checkExemption,
  foldLink,
  foldName,
  mayBePurged,
  purgeExemption,
  rangesOf,
  readCheckpoint,
  readExemption,
  readRanges,
} from '../../src/domain/audit-exemption.ts'
import { repetitions } from '../support/endurance.ts'

const digest = (text: string) => `<${text}>`

test('removed links are digested in order, links and names apart', () => {
  const [one, other] = [
    { seq: 1, hash: 'h1' },
    { seq: 2, hash: 'h2' },
  ]
  const fold = (links: readonly { seq: number; hash: string }[]) =>
    links.reduce((before, link) => foldLink(digest, before, link), '')
  expect(fold([one, other])).not.toBe(fold([other, one]))
  expect(fold([one])).not.toBe(fold([{ ...one, seq: 2 }]))
  const names = (all: readonly string[]) =>
    all.reduce((before, name) => foldName(digest, before, name), '')
  expect(names(['a', 'b'])).not.toBe(names(['ab']))
  expect(names(['a', 'b'])).not.toBe(names(['b', 'a']))
})

describe('ranges of links', () => {
  test('are read as they were written', () => {
    const stretch = fc.record({
      skipped: fc.integer({ min: 1, max: 3 }),
      length: fc.integer({ min: 1, max: 4 }),
    })
    const ascending = fc.array(stretch, { maxLength: 20 }).map((stretches) => {
      const seqs: number[] = []
      for (const { skipped: gap, length } of stretches) {
        const first = (seqs.at(-1) ?? 0) + gap
        seqs.push(...Array.from({ length }, (_, n) => first + n))
      }
      return seqs
    })
    const numRuns = repetitions({ usual: 200, nightly: 5_000 })
    const runsWith = { none: 0, alone: 0, joined: 0, joinedBySeveral: 0, apartByOne: 0 }
    fc.assert(
      fc.property(ascending, (seqs) => {
        const ranges = readRanges(rangesOf(seqs)) ?? []
        const read = ranges.flatMap(([from, to]) =>
          Array.from({ length: to - from + 1 }, (_, n) => from + n),
        )
        expect(read).toEqual(seqs)
        const next = (n: number) => ranges[n + 1]?.[0]
        if (ranges.length === 0) runsWith.none++
        if (ranges.some(([from, to]) => from === to)) runsWith.alone++
        if (ranges.some(([from, to]) => to === from + 1)) runsWith.joined++
        if (ranges.some(([from, to]) => to > from + 1)) runsWith.joinedBySeveral++
        if (ranges.some(([, to], n) => next(n) === to + 2)) runsWith.apartByOne++
      }),
      { numRuns },
    )
    // A shape that no run has is not tested.
    for (const [shape, runs] of Object.entries(runsWith)) {
      expect(runs, `runs with the shape "${shape}"`).toBeGreaterThan(numRuns / 50)
    }
    expect(rangesOf([1, 2, 3, 7, 9, 10])).toBe('1-3,7,9-10')
  })

  test.each([
    ...[undefined, null, 7, '0', '3-1', '2,2', '5,3', '1-4,4', '1,', ',1', '1-', '01', ' 1', '1e3'],
    '1'.repeat(16),
  ])('that are %o are rejected', (text) => {
    expect(readRanges(text)).toBeUndefined()
  })
})

const day = 86_400_000_000
const event = {
  id: 'aud_9',
  type: 'activities_purged',
  subject: 'tnt_1',
  seq: 9,
  occurredAtMicros: `${100 * day}`,
}
const links = [3, 4, 6].map((seq) => ({ seq, hash: `h${seq}` }))
const purge = purgeExemption(digest, 'tnt_1', { event: 'aud_9', from: '0', before: '5', links })
const claims = { ...purge.exemption, iss: 'i', tid: 'tnt_1' }
const check = (changes: Partial<typeof claims> = {}, text = purge.links) =>
  checkExemption(event, 'tnt_1', { ...claims, ...changes }, readRanges(text))

test('a purge is signed with its time span, its count and a digest of its links in order', () => {
  expect(purge).toMatchObject({ links: '3-4,6', exemption: { count: 3, from: '0', before: '5' } })
  const swappedLinks = { event: 'aud_9', from: '0', before: '5', links: links.toReversed() }
  expect(purgeExemption(digest, 'tnt_1', swappedLinks).exemption.digest).not.toBe(
    purge.exemption.digest,
  )
})

test('a purge without links, or of links that are not its own, excuses nothing', () => {
  expect(checkExemption(event, 'tnt_1', claims, undefined)).toBe('purge_differs')
  expect(checkExemption(event, 'tnt_1', claims, [])).toBe('purge_differs')
  expect(checkExemption(event, 'tnt_1', { ...claims, count: 0 }, [])).toBeUndefined()
})

test('an erasure is signed for its own event and user alone', () => {
  const erasure = { ...event, type: 'user_erased', subject: 'usr_1' } as const
  const exemption = { ...claims, kind: 'user_erased', subject: 'usr_1' } as const
  expect(checkExemption(erasure, 'tnt_1', exemption, undefined)).toBeUndefined()
  expect(checkExemption({ ...erasure, subject: 'usr_2' }, 'tnt_1', exemption, undefined)).toBe(
    'exemption_not_ours',
  )
})

test('an exemption belongs to one event, and is no older than its policy allows', () => {
  expect(check()).toBeUndefined()
  expect(check({ event: 'aud_8' })).toBe('exemption_not_ours')
  expect(check({ tid: 'tnt_2' })).toBe('exemption_not_ours')
  expect(check({ subject: 'tnt_2' })).toBe('exemption_not_ours')
  expect(check({ kind: 'user_erased' })).toBe('exemption_not_ours')
  expect(check({ count: 4 })).toBe('purge_differs')
  expect(check({}, '3-5')).toBeUndefined()
  expect(check({}, '3-4,9')).toBe('purge_differs')
  expect(check({ before: `${70 * day}` })).toBeUndefined()
  expect(check({ before: `${70 * day + 1}` })).toBe('purge_too_early')
})

test('a purge covers activities of its time span, and no events', () => {
  const may = (rowId: string, at: number) =>
    mayBePurged(claims, { rowId, occurredAtMicros: `${at}` })
  expect([may('act_1', 0), may('act_1', 4), may('act_1', 5), may('act_1', -1)]).toEqual([
    ...[true, true, false, false],
  ])
  expect(may('aud_1', 0)).toBe(false)
})

test('rows of an erased user may be purged, not added nor exchanged', () => {
  const erasure = { count: 2, digest: 'd' }
  expect(checkErasure(erasure, { count: 2, digest: 'd' })).toBeUndefined()
  expect(checkErasure(erasure, { count: 1, digest: 'e' })).toBeUndefined()
  expect(checkErasure(erasure, { count: 2, digest: 'e' })).toBe('erasure_differs')
  expect(checkErasure(erasure, { count: 3, digest: 'd' })).toBe('erasure_differs')
})

test('exemptions and checkpoints are read only whole', () => {
  const payload = { ...claims, iat: 1 }
  expect(readExemption(payload)).toEqual(payload)
  const bad = { kind: 'app_added', from: 'x', before: '1e9', count: -1 }
  for (const [name, value] of Object.entries(bad)) {
    expect(readExemption({ ...payload, [name]: value })).toBeUndefined()
  }
  expect(readExemption({ ...payload, more: 1 })).toBeUndefined()
  const digests = { purged: 0, purgedDigest: '', erased: 0, erasedDigest: '' }
  const checkpoint = { iss: 'i', tid: 't', iat: 1, seq: 0, hash: '', ...digests }
  expect(readCheckpoint(checkpoint)).toEqual(checkpoint)
  expect(readCheckpoint({ ...checkpoint, seq: -1 })).toBeUndefined()
})
