import { onServer } from './cluster.ts'

/** The contents of all tables, as text. */
export async function everythingStored(databaseUrl: string): Promise<string> {
  return onServer(databaseUrl, async (client) => {
    const tables = await client.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    )
    let text = ''
    for (const { name } of tables.rows) {
      const { rows } = await client.query(`select * from "${name}"`)
      text += JSON.stringify(rows, (_key, value) =>
        value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
      )
    }
    return text
  })
}
