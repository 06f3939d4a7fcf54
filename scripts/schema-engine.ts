import { readFile } from 'node:fs/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlQuery,
} from '@prisma/driver-adapter-utils'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import pg from 'pg'

type Wasm = { __wbindgen_start(): void }

// Node has it; TypeScript's types for it are among those of browsers.
declare const WebAssembly: {
  instantiate(code: Uint8Array, imports: object): Promise<{ instance: { exports: unknown } }>
}

// Once: the glue code holds one instance, and objects of an earlier one would call into the later.
let loading: Promise<void> | undefined

const oidOfChar = 18
const oidOfText = 25

/**
 * The SQL that migrates the database to the Prisma schema; empty when they agree. It reads the
 * database and changes nothing. Prisma covers tables, columns, keys and indexes, but not CHECK
 * constraints. Throws the error of Prisma's engine when the schema is not valid.
 */
export async function differenceTo(schema: string, url: string): Promise<string> {
  const files = [{ path: 'schema.prisma', content: schema }]
  const { exitCode, stdout } = await withEngine(schema, url, (engine) =>
    engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: '.' },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    }),
  )
  return exitCode === 0 ? '' : (stdout ?? '')
}

/** Runs Prisma's own schema engine, of the version that its CLI uses, on a database. */
export async function withEngine<T>(
  schema: string,
  url: string,
  work: (engine: bindings.SchemaEngine) => Promise<T>,
): Promise<T> {
  loading ??= load()
  await loading
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const adapter = bindMigrationAwareSqlAdapterFactory(new CatalogPg(pool))
  const datamodels: [string, string][] = [['schema.prisma', schema]]
  try {
    const engine = await bindings.SchemaEngine.new({ datamodels }, () => undefined, adapter)
    return await work(engine).finally(() => engine.free())
  } finally {
    await pool.end()
  }
}

/**
 * Loads the engine by hand: the package's own entry imports WebAssembly as a module, for which Node
 * prints a warning.
 */
async function load(): Promise<void> {
  const file = new URL('schema_engine_bg.wasm', import.meta.resolve('@prisma/schema-engine-wasm'))
  const glue = bindings as unknown as { __wbg_set_wasm(wasm: Wasm): void }
  const imports = { './schema_engine_bg.js': bindings }
  const { instance } = await WebAssembly.instantiate(await readFile(file), imports)
  const wasm = instance.exports as Wasm
  glue.__wbg_set_wasm(wasm)
  wasm.__wbindgen_start()
  Object.assign(globalThis, {
    PRISMA_WASM_PANIC_REGISTRY: {
      set_message(message: string) {
        throw new Error(`Prisma's schema engine failed: ${message}`)
      },
    },
  })
}

/**
 * The catalogs have many columns of type "char", which Prisma's adapter refuses to read and its
 * engine requires: the adapter receives text, and the column types for the engine are set to "char"
 * afterwards.
 */
class CatalogPg extends PrismaPg {
  readonly #chars: WeakMap<object, number[]>

  constructor(pool: pg.Pool) {
    const chars = new WeakMap<object, number[]>()
    const query = pool.query.bind(pool) as (config: pg.QueryConfig) => Promise<pg.QueryResult>
    const queryAsText = async (config: pg.QueryConfig) => {
      const result = await query(config)
      const indexes: number[] = []
      for (const [at, field] of result.fields.entries()) {
        if (field.dataTypeID !== oidOfChar) continue
        field.dataTypeID = oidOfText
        indexes.push(at)
      }
      chars.set(result.rows, indexes)
      return result
    }
    super(Object.assign(pool, { query: queryAsText }))
    this.#chars = chars
  }

  override async connect() {
    const adapter = await super.connect()
    const queryRaw = adapter.queryRaw.bind(adapter)
    return Object.assign(adapter, {
      queryRaw: async (query: SqlQuery) => {
        const result = await queryRaw(query)
        for (const at of this.#chars.get(result.rows) ?? []) {
          result.columnTypes[at] = ColumnTypeEnum.Character
        }
        return result
      },
    })
  }
}
