// Lists are read a page at a time, newest first. A filter that the caller leaves open is left out
// of the text: no index can serve the condition "the filter is null or equal", and the page would
// be found by reading everything before it.

import type { PageRequest } from '../paging.ts'
import type { Queries } from './database.ts'
import { run, type Statement } from './statement.ts'

export type FirstPage = { readonly limit: number }
/** `before` is the id with which the page before ended. */
export type NextPage = FirstPage & { readonly before: string }

/** A list: its first page, and the pages that come after an id. */
export type PagedList<Params extends object, Row extends object> = {
  readonly first: Statement<Params & FirstPage, Row>
  readonly next: Statement<Params & NextPage, Row>
}

/** Reads one page of the list. */
export function readListPage<Params extends object, Row extends object>(
  queries: Pick<Queries, 'query'>,
  { first, next }: PagedList<Params, Row>,
  params: Params,
  { limit, before }: PageRequest,
): Promise<Row[]> {
  return before === null
    ? run(queries, first, { ...params, limit })
    : run(queries, next, { ...params, limit, before })
}
