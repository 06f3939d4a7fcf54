import type pg from 'pg'

export type Queries = {
  /**
   * One statement, one round trip. The name makes it a prepared statement: it belongs to one text,
   * permanently. Rejects in time, within `timeoutMs` of the call; `isDatabaseUnavailable` says
   * whether it is worth retrying. A connection is taken from the share of its tenant.
   */
  query<Row extends pg.QueryResultRow = Record<string, unknown>>(
    name: string,
    text: string,
    values: readonly unknown[],
    tenantId?: string,
  ): Promise<Row[]>
}
