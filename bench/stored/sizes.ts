// What rows take on the disk, indexes and large values included.

import type pg from 'pg'

export type TableSize = {
  readonly table: string
  readonly rows: number
  readonly bytes: number
  readonly indexBytes: number
}

export async function readSizes(
  client: pg.Client,
  tables: readonly string[],
): Promise<readonly TableSize[]> {
  const sizes: TableSize[] = []
  for (const table of tables) {
    const { rows } = await client.query<Omit<TableSize, 'table'>>(
      `select count(*)::float8 as rows, pg_total_relation_size($1::regclass)::float8 as bytes,
         pg_indexes_size($1::regclass)::float8 as "indexBytes" from ${table}`,
      [table],
    )
    const [size] = rows
    if (size && size.rows > 0) sizes.push({ table, ...size })
  }
  return sizes.toSorted((a, b) => b.bytes - a.bytes)
}
