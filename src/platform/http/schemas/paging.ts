// Lists: newest first, a page at a time.

import { z } from 'zod'
import type { IdKind } from '../../../domain/ids.ts'
import type { PageRequest } from '../../paging.ts'
import { cursorOf } from './ids.ts'

/**
 * A number in a query, in plain decimal digits: no signs, blanks, exponents or repeated parameters.
 */
export function queryNumber(min: number, max: number, description: string) {
  return z
    .preprocess(
      (input) => (typeof input === 'string' && /^[0-9]{1,9}$/.test(input) ? Number(input) : input),
      z.int().min(min).max(max),
    )
    .meta({ description, example: min })
}

const limitMax = 100
const limitDefault = 50

/** Query members of a paged list whose cursor is an id of this kind. */
export function pageQuery<K extends IdKind>(kind: K) {
  return {
    limit: queryNumber(1, limitMax, `Items on a page, ${limitDefault} by default.`).exactOptional(),
    cursor: cursorOf(kind).exactOptional(),
  }
}

/**
 * The request to a store: one more than the page holds, so that the last page knows that it is the
 * last.
 */
export function pageRequest(query: {
  limit?: number | undefined
  cursor?: string | undefined
}): PageRequest {
  return { limit: (query.limit ?? limitDefault) + 1, before: query.cursor ?? null }
}

/** The page of the rows that a store returned for `pageRequest`. */
export function pageOf<T extends { readonly id: string }>(
  rows: readonly T[],
  { limit }: PageRequest,
): { readonly items: readonly T[]; readonly nextCursor: string | null } {
  const items = rows.slice(0, limit - 1)
  return { items, nextCursor: rows.length < limit ? null : (items.at(-1)?.id ?? null) }
}

/** The schema of a page of items. */
export function pageBody<Item extends z.ZodType>(item: Item, id: string, description: string) {
  return z
    .object({
      items: z.array(item).readonly(),
      nextCursor: z
        .string()
        .nullable()
        .meta({ description: 'Give it as `cursor` to get the next page; null on the last one.' }),
    })
    .meta({ id, description })
}

/** A list that is always complete; shaped like a page, so that it can become one. */
export function wholeList<Item extends z.ZodType>(item: Item, id: string, description: string) {
  return z
    .object({ items: z.array(item).readonly(), nextCursor: z.null() })
    .meta({ id, description })
}
