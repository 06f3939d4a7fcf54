import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AuditLink,
  type AuditRow,
  checkLink,
  emptyChain,
  isErased,
  linksFor,
  readAuditHead,
} from '../../src/domain/audit-chain.ts'

const digest = (text: string) => createHash('sha256').update(text).digest('base64url')
const tenantId = 'tnt_1' as const
const rows: AuditRow[] = ['act_1', 'aud_2', 'act_3', 'act_4'].map((id, n) => ({
  id,
  occurredAtMicros: `${1_000 + n}`,
  core: `["${id}"]`,
  details: '{"name": "x"}',
  salt: 'aa',
}))
const links = linksFor(digest, tenantId, emptyChain, rows)

type Facts = Partial<Parameters<typeof checkLink>[2]>

/** The first fault of these links against these rows, and where. */
function firstFault(chain: readonly AuditLink[], facts: Facts = {}, rowsLeft = rows) {
  let before = emptyChain
  for (const [n, link] of chain.entries()) {
    const row = rowsLeft.find(({ id }) => id === link.rowId)
    const fault = checkLink(digest, link, {
      tenantId,
      before,
      row: row ? { ...row, isErased: false } : null,
      isPurged: false,
      closedThroughMicros: 0n,
      ...facts,
    })
    if (fault) return [n + 1, fault]
    before = link
  }
  return null
}

describe('a chain', () => {
  test('that was not modified is whole, in one piece or in several', () => {
    expect(firstFault(links)).toBeNull()
    const [first = [], second = []] = [rows.slice(0, 1), rows.slice(1)]
    const head = linksFor(digest, tenantId, emptyChain, first)
    const went = linksFor(digest, tenantId, head[0] ?? emptyChain, second)
    expect([...head, ...went]).toEqual(links)
    expect(linksFor(digest, tenantId, emptyChain, [])).toEqual([])
  })

  test('links what is left of a row that was erased before it was linked', () => {
    const erasedRows = rows.slice(0, 1).map((row) => ({ ...row, details: '{}', salt: null }))
    const [link] = linksFor(digest, tenantId, emptyChain, erasedRows)
    expect(link?.detailsDigest).toBe(digest('.{}'))
    expect(firstFault(link ? [link] : [])).toEqual([1, 'details_edited'])
  })

  test('of another tenant is another chain', () => {
    expect(firstFault(links, { tenantId: 'tnt_2' })).toEqual([1, 'hash_wrong'])
  })

  test('shows any edit of any member of any link, at that link', () => {
    const member = fc.constantFrom(
      'rowId',
      'occurredAtMicros',
      'coreDigest',
      'detailsDigest',
      'hash',
    )
    fc.assert(
      fc.property(fc.nat(links.length - 1), member, fc.string(), (at, name, text) => {
        const editedLinks = links.map((link, n) => (n === at ? { ...link, [name]: text } : link))
        if (links[at]?.[name as 'hash'] === text) return
        expect(firstFault(editedLinks)).toEqual([at + 1, 'hash_wrong'])
      }),
    )
  })

  test('shows any other order, and any link removed or duplicated', () => {
    const subset = fc.shuffledSubarray(links, { minLength: 1 })
    fc.assert(
      fc.property(subset, (chain) => {
        const prefix = chain.every((link, n) => link === links[n])
        expect(firstFault(chain) === null).toBe(prefix)
      }),
    )
    expect(firstFault([...links, ...links.slice(-1)])).toEqual([5, 'sequence_broken'])
  })
})

describe('a row', () => {
  const faultOfEdit = (changes: Partial<AuditRow>) =>
    firstFault(
      links,
      {},
      rows.map((row) => (row.id === 'act_3' ? { ...row, ...changes } : row)),
    )

  test('that was edited is detected, whichever part was', () => {
    expect(faultOfEdit({ core: '[]' })).toEqual([3, 'row_edited'])
    expect(faultOfEdit({ occurredAtMicros: '1' })).toEqual([3, 'row_edited'])
    expect(faultOfEdit({ details: '{}' })).toEqual([3, 'details_edited'])
    expect(faultOfEdit({ salt: 'bb' })).toEqual([3, 'details_edited'])
    expect(faultOfEdit({ salt: null, details: '{}' })).toEqual([3, 'details_edited'])
  })

  test('that is gone is reported as missing, unless it is excused', () => {
    const remainingRows = rows.filter(({ id }) => id !== 'act_3')
    expect(firstFault(links, {}, remainingRows)).toEqual([3, 'row_missing'])
    expect(firstFault(links, { isPurged: true }, remainingRows)).toBeNull()
  })

  test('from before a closed time came too late', () => {
    expect(firstFault(links, { closedThroughMicros: 1_000n })).toBeNull()
    expect(firstFault(links, { closedThroughMicros: 1_001n })).toEqual([1, 'backdated'])
  })

  test('is erased only as a whole, and only where the erasure is on record', () => {
    const row = { ...rows[2], details: '{}', salt: null, isErased: true } as Parameters<
      typeof isErased
    >[0]
    expect(isErased(row)).toBe(true)
    expect(isErased({ ...row, isErased: false })).toBe(false)
    expect(isErased({ ...row, salt: 'aa' })).toBe(false)
    expect(isErased({ ...row, details: '{"a": 1}' })).toBe(false)
    const [one, two, three] = links
    const facts = { tenantId, row, isPurged: false, closedThroughMicros: 0n }
    if (!one || !two || !three) throw new Error('there are four')
    expect(checkLink(digest, three, { ...facts, before: two })).toBeUndefined()
  })
})

test('a head is read only whole', () => {
  const head = {
    iss: 'i',
    tid: 't',
    iat: 1,
    seq: 3,
    hash: 'h',
    through: '2026-01-31T12:00:00.000Z',
  }
  expect(readAuditHead(head)).toEqual(head)
  for (const wrong of [
    { ...head, seq: '3' },
    { ...head, through: 'x' },
    { ...head, more: 1 },
    null,
    [],
  ])
    expect(readAuditHead(wrong)).toBeUndefined()
})
