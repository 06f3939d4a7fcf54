// What each statement has read, by PostgreSQL's own count.

import { globSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type pg from 'pg'
import { statements } from '../../src/platform/postgres/statement.ts'

export type StatementUse = {
  readonly name: string
  readonly calls: number
  /** Shared blocks, from memory or from disk. */
  readonly blocks: number
  readonly rows: number
  readonly longestMs: number
}

const root = path.resolve(import.meta.dirname, '..', '..')

/** Begins to count anew. */
export async function resetUse(client: pg.Client): Promise<void> {
  await client.query('create extension if not exists pg_stat_statements')
  await client.query('select pg_stat_statements_reset()')
}

/** Since the last reset, by the names that the service gives its statements. */
export async function readUse(client: pg.Client): Promise<readonly StatementUse[]> {
  const { rows } = await client.query<Omit<StatementUse, 'name'> & { text: string }>(
    `select s.query as text, s.calls::float8 as calls, s.rows::float8 as rows,
       (s.shared_blks_hit + s.shared_blks_read)::float8 as blocks, s.max_exec_time as "longestMs"
     from pg_stat_statements s join pg_database d on d.oid = s.dbid
     where d.datname = current_database()`,
  )
  const names = await namesByWords()
  const uses = new Map<string, StatementUse>()
  for (const { text, ...use } of rows) {
    const name = names.get(wordsOf(text))
    if (name !== undefined) uses.set(name, sumOf({ name, ...use }, uses.get(name)))
  }
  return [...uses.values()]
}

/** PostgreSQL may count a statement twice, as before and after a change of its tables. */
function sumOf(one: StatementUse, other: StatementUse | undefined): StatementUse {
  return {
    name: one.name,
    calls: one.calls + (other?.calls ?? 0),
    blocks: one.blocks + (other?.blocks ?? 0),
    rows: one.rows + (other?.rows ?? 0),
    longestMs: Math.max(one.longestMs, other?.longestMs ?? 0),
  }
}

async function namesByWords(): Promise<ReadonlyMap<string, string>> {
  await loadStatements()
  const names = new Map<string, string>()
  for (const { name, text } of statements.values()) {
    const words = wordsOf(text)
    names.set(words, names.has(words) ? `${names.get(words)}, ${name}` : name)
  }
  return names
}

/** PostgreSQL keeps a statement with parameters for its constants, and with shortened lists. */
function wordsOf(text: string): string {
  const bare = text
    .toLowerCase()
    .replaceAll(/'(?:[^']|'')*'|--[^\n]*|\/\*.*?\*\//g, '')
    .replaceAll(/\bextract\(\S+ from/g, 'extract from')
    .replaceAll(/\barray\[[^\][]*\]|\bin \((?!select)[^()]*\)/g, '')
  const words = bare.match(/[a-z_]+/g) ?? []
  return words.filter((word) => !['true', 'false', 'null'].includes(word)).join(' ')
}

/** A statement is known once its module is loaded. */
async function loadStatements(): Promise<void> {
  const files = globSync('src/**/*.ts', { cwd: root, exclude: ['src/generated/**'] })
  for (const file of files) {
    if (/\.sql\.ts$|^src.platform.postgres.[a-z-]+\.ts$/.test(file)) {
      await import(pathToFileURL(path.join(root, file)).href)
    }
  }
}
