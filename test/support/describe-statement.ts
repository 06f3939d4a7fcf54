// What PostgreSQL says of a statement without running it: its parameters and its columns.

import type { EventEmitter } from 'node:events'
import type pg from 'pg'

/** A column of the result; `table` and `column` are 0 where it is not a plain column of a table. */
export type DescribedColumn = {
  readonly name: string
  readonly type: number
  readonly table: number
  readonly column: number
}

export type Description = {
  readonly parameters: readonly number[]
  readonly columns: readonly DescribedColumn[]
}

type Field = { name: string; dataTypeID: number; tableID: number; columnID: number }

type Connection = EventEmitter & {
  parse(query: { name: string; text: string; types: number[] }): void
  describe(message: { type: 'S'; name: string }): void
  sync(): void
}

/** Parses and describes a statement: `Parse`, `Describe`, `Sync` of the extended query protocol. */
export function describeStatement(client: pg.Client, text: string): Promise<Description> {
  return new Promise((resolve, reject) => {
    let parameters: readonly number[] = []
    let fields: readonly Field[] = []
    let failure: Error | undefined
    const readParameters = (message: { dataTypeIDs: number[] }) => {
      parameters = message.dataTypeIDs
    }
    const query = {
      submit(connection: Connection) {
        connection.once('parameterDescription', readParameters)
        connection.parse({ name: '', text, types: [] })
        connection.describe({ type: 'S', name: '' })
        connection.sync()
      },
      handleRowDescription(message: { fields: Field[] }) {
        fields = message.fields
      },
      handleError(error: Error) {
        failure = error
      },
      handleReadyForQuery(connection: Connection) {
        connection.off('parameterDescription', readParameters)
        if (failure) return reject(failure)
        const columns = fields.map(
          ({ name, dataTypeID: type, tableID: table, columnID: column }) => ({
            name,
            type,
            table,
            column,
          }),
        )
        resolve({ parameters, columns })
      },
    }
    client.query(query as unknown as pg.Submittable)
  })
}
