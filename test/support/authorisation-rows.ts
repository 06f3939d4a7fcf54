import { onServer } from './cluster.ts'

/**
 * Every row of every table, without last-use times, and without the callers' own used proofs;
 * `about` keeps the rows that contain this text.
 */
export async function rowsOf(url: string, about?: string): Promise<string[]> {
  return onServer(url, async (client) => {
    const tables = await client.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public' and table_name <> 'device_proofs'`,
    )
    const all: string[] = []
    for (const { name } of tables.rows) {
      const result = await client.query<{ row: string }>(
        `select (to_jsonb(x) - array['last_used_at', 'last_seen_at', 'uses', 'last_error_code',
           'last_error_at', 'probed_at'])::text as row from "${name}" x`,
      )
      all.push(...result.rows.map(({ row }) => `${name} ${row}`))
    }
    return about === undefined ? all : all.filter((row) => row.includes(about))
  })
}

/** The rows added and removed between two reads of the tables. */
export function difference(before: readonly string[], after: readonly string[]): string[] {
  const [had, has] = [new Set(before), new Set(after)]
  const removedRows = before.filter((row) => !has.has(row)).map((row) => `- ${row}`)
  return [...removedRows, ...after.filter((row) => !had.has(row)).map((row) => `+ ${row}`)]
}
