import type pg from 'pg'
import type { Queries } from './queries.ts'

/** Reads of one snapshot; closing may be repeated, and waits for what is under way. */
export type Snapshot = Queries & { close(): Promise<void> }

/** A snapshot on a connection of the pool; each read of it within `timeoutMs`. */
export async function openSnapshot(
  pool: pg.Pool,
  timeoutMs: number,
  onEnd: () => void,
): Promise<Snapshot> {
  const client = await pool.connect().catch((error: unknown) => {
    onEnd()
    throw error
  })
  const release = (isLost: boolean) => {
    client.release(isLost)
    onEnd()
  }
  const send = <Row extends pg.QueryResultRow>(statement: pg.QueryConfig) =>
    client.query<Row>({ ...statement, query_timeout: timeoutMs } as pg.QueryConfig)
  const end = async () => {
    const rollbackResult = await send({ text: 'rollback' }).catch(() => null)
    release(rollbackResult === null)
  }
  try {
    await send({ text: 'begin isolation level repeatable read read only' })
  } catch (error) {
    release(true)
    throw error
  }
  let closePromise: Promise<void> | undefined
  return {
    async query<Row extends pg.QueryResultRow>(
      name: string,
      text: string,
      values: readonly unknown[],
    ) {
      if (closePromise !== undefined) throw new Error('the snapshot is closed')
      return (await send<Row>({ name, text, values: [...values] })).rows
    },
    close: () => {
      closePromise ??= end()
      return closePromise
    },
  }
}
