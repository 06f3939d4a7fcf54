import { describe, expect, test } from 'vitest'
import { buildLanes, laneLimits } from '../../../src/platform/postgres/lane.ts'
import type { Queries } from '../../../src/platform/postgres/queries.ts'
import { type ListParams, rowList } from '../../../src/platform/postgres/row-list.ts'
import type { Statement } from '../../../src/platform/postgres/statement.ts'

describe('a lane of reads', () => {
  const items = rowList<'item', { readonly id: string }>('item', { id: 'text' })
  // Of no name that statements share: they are held to what src defines.
  const find: Statement<ListParams<'item', { readonly id: string }>, { n: number; id: string }> = {
    name: 'find',
    text: '',
    parameters: ['itemId'],
  }

  /** Finds every id but `none`, and `twice` twice. */
  function openReads() {
    const lanes = buildLanes(laneLimits)
    const batches: string[][] = []
    const query = async (_name: string, _text: string, [ids]: readonly unknown[]) => {
      batches.push(ids as string[])
      return (ids as string[]).flatMap((id, at) =>
        new Array(id === 'none' ? 0 : id === 'twice' ? 2 : 1).fill({ n: at + 1, id }),
      )
    }
    const reads = { name: 'find', lineOf: () => 'a', statement: find, items } as const
    return { batches, read: lanes.openReads({ query: query as Queries['query'] }, reads) }
  }

  test('has one statement, for one item as for many', async () => {
    const { batches, read } = openReads()
    expect(await read({ id: 'one' })).toEqual({ n: 1, id: 'one' })
    expect(await Promise.all([read({ id: 'x' }), read({ id: 'none' })])).toEqual([
      { n: 1, id: 'x' },
      null,
    ])
    expect(batches).toEqual([['one'], ['x', 'none']])
  })

  test('fails the one item of which it finds two rows, and none beside it', async () => {
    const { read } = openReads()
    await expect(read({ id: 'twice' })).rejects.toThrow('two rows')
    const [twice, other] = await Promise.allSettled([read({ id: 'twice' }), read({ id: 'x' })])
    expect(twice).toMatchObject({ status: 'rejected' })
    expect(other).toMatchObject({ status: 'fulfilled', value: { id: 'x' } })
  })
})
