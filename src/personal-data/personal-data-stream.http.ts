// A person's data as one JSON document that is written as it is read.

import { Readable } from 'node:stream'
import type { PersonalDataReading } from './personal-data.store.ts'

export type ExportLimits = {
  /** The whole document must have been read within this time. */
  readonly exportMs: number
  /** No page of it may stay unread longer than this. */
  readonly exportIdleMs: number
}

/**
 * The document `{"tables": {...}}`, never more of it in memory than a page and the bytes that are
 * being sent. A failure half-way aborts the response, without an end that could be taken for the
 * end of the document; so does a client that reads too slowly, and the end of the process.
 */
export function personalDataStream(
  reading: PersonalDataReading,
  { exportMs, exportIdleMs }: ExportLimits,
  stopping: () => boolean,
): Readable {
  const document = chunks(reading, stopping)
  const stream = new Readable({
    read() {
      idle.refresh()
      document.next().then(
        ({ value, done }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      )
    },
    destroy(error, done) {
      clearTimeout(late)
      clearTimeout(idle)
      reading.close().then(
        () => done(error),
        (failure: Error) => done(error ?? failure),
      )
    },
  })
  const giveUp = () => stream.destroy(new Error('the export was not read in time'))
  const late = setTimeout(giveUp, exportMs)
  const idle = setTimeout(giveUp, exportIdleMs)
  return stream
}

async function* chunks(
  reading: PersonalDataReading,
  stopping: () => boolean,
): AsyncGenerator<string> {
  let table: string | undefined
  for (let page = await reading.next(); page !== null; page = await reading.next()) {
    if (stopping()) throw new Error('the service stops')
    const isNew = page.table !== table
    const before = isNew ? `${table === undefined ? '{"tables":{' : '],'}"${page.table}":[` : ','
    table = page.table
    yield before + page.rows.join(',')
  }
  yield ']}}'
}
