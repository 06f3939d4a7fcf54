// Mutants of the SQL in a template. Positions are found in a masked copy, in which nothing but SQL
// is left: holes, quoted texts and comments are replaced by as many other characters.

import type { Mutant } from './mutant.ts'

type Match = { readonly index: number; readonly text: string }

function matchesIn(sql: string, pattern: RegExp): Match[] {
  return [...sql.matchAll(pattern)].map(({ index, 0: text }) => ({ index, text }))
}

/** Whether a template is SQL, or a part of it. */
export function isSql(text: string): boolean {
  return /\b(?:select|insert into|update|delete from|where|case when|and|for share)\b/.test(text)
}

/** The SQL with its quoted texts and comments masked. */
function maskTexts(sql: string): string {
  return sql
    .replaceAll(/'(?:[^']|'')*'/g, (text) => 'x'.repeat(text.length))
    .replaceAll(/--[^\n]*/g, (text) => ' '.repeat(text.length))
}

const replace = (change: string, { index, text }: Match, replacement: string): Mutant => ({
  change,
  start: index,
  end: index + text.length,
  replacement,
})

/** Words between which a condition stands, and those between which it does not. */
const clauses =
  /\b(?:where|and|or|on|when|having|not|set|select|values|returning|by|then|else|end|as|from)\b/g
const beforeConditions = new Set(['where', 'and', 'or', 'on', 'when', 'having', 'not'])

/** True where an equals sign compares, false where it assigns. */
function compares(text: string, index: number): boolean {
  let before = text.slice(0, index)
  // What stands in brackets that are closed says nothing about what follows them.
  for (let last = ''; last !== before; ) {
    last = before
    before = before.replaceAll(/\([^()]*\)/g, (inside) => ' '.repeat(inside.length))
  }
  const word = matchesIn(before, clauses).at(-1)?.text
  return word !== undefined && beforeConditions.has(word)
}

const comparison = /(?<![-<>=!@|?#:&*~])(?:<>|<=|>=|=|<|>)(?![<>=|@~-])/g
const otherComparison: Record<string, string> = {
  '=': '<>',
  '<>': '=',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
}

function comparisons(text: string): Mutant[] {
  return matchesIn(text, comparison)
    .filter(({ index, text: sign }) => sign !== '=' || compares(text, index))
    .map((one) => replace('comparison', one, otherComparison[one.text] ?? one.text))
}

const endOfCondition =
  /[(),;]|\b(?:and|or|then|when|order|group|limit|returning|union|on|where|for|from|join|left|cross|do|set|select|having|case|end|between|distinct)\b/g

/** Where the condition that begins here ends. */
function conditionEnd(text: string, begin: number): number {
  let depth = 0
  let last = ''
  for (const { index, text: word } of matchesIn(text, endOfCondition)) {
    if (index < begin) continue
    const isPartOfOperator =
      (word === 'and' && last === 'between') || (word === 'from' && last === 'distinct')
    if (depth === 0 && !isPartOfOperator && !['(', 'case', 'between', 'distinct'].includes(word)) {
      return index
    }
    if (word === '(' || word === 'case') depth += 1
    if (word === ')' || word === 'end') depth -= 1
    if (depth === 0) last = word
  }
  return text.length
}

function removedConditions(text: string): Mutant[] {
  const isRange = (index: number) => /\bbetween\s+\S+\s+$/.test(text.slice(0, index))
  const later = matchesIn(text, /\band\b/g)
    .filter(({ index }) => !isRange(index))
    .map(({ index }) => ({
      change: 'condition removed',
      start: index,
      end: conditionEnd(text, index + 'and'.length),
      replacement: '',
    }))
  const first = matchesIn(text, /\bwhere\b/g).map(({ index, text: word }) => {
    const start = index + word.length
    const end = conditionEnd(text, start)
    return { change: 'condition removed', start, end, replacement: ' true ' }
  })
  return [...later, ...first]
}

const lock = /\bfor (?:no key update|update|key share|share)(?: of \w+)?(?: skip locked)?/g

/** One word or sign for another; each pattern finds whole ones only. */
const exchanges: readonly [change: string, pattern: RegExp, becomes: (text: string) => string][] = [
  ['bound', /\b(?:greatest|least)(?=\()/g, (it) => (it === 'least' ? 'greatest' : 'least')],
  ['bound', /\b(?:min|max)(?=\()/g, (it) => (it === 'min' ? 'max' : 'min')],
  ['lock removed', lock, () => ''],
  ['lock waits', / skip locked\b/g, () => ''],
  ['null', /\bis null\b/g, () => 'is not null'],
  ['null', /\bis not null\b/g, () => 'is null'],
  ['null', /\bis distinct from\b/g, () => 'is not distinct from'],
  ['null', /\bis not distinct from\b/g, () => 'is distinct from'],
  ['existence', /\bnot exists\b/g, () => 'exists'],
  ['existence', /(?<!\bnot )\bexists(?= \()/g, () => 'not exists'],
  ['or', /\bor\b/g, () => 'and'],
  ['order', /\bdesc\b/g, () => 'asc'],
  ['arithmetic', /(?<= )[+-](?= )/g, (it) => (it === '+' ? '-' : '+')],
  // The time of the statement instead of the time now: before its locks, not after them.
  ['clock', /(?<=[<>]=? )clock_timestamp\(\)/g, () => 'now()'],
  ['clock', /\bclock_timestamp\(\)(?= [<>])/g, () => 'now()'],
]

/**
 * The mutants of a template: `sql` is its text with holes masked. Each is still a statement that
 * PostgreSQL can read: one that it cannot would be killed by anything.
 */
export function sqlMutants(sql: string): Mutant[] {
  const text = maskTexts(sql)
  const exchangeMutants = exchanges.flatMap(([change, pattern, becomes]) =>
    matchesIn(text, pattern).map((one) => replace(change, one, becomes(one.text))),
  )
  return [...comparisons(text), ...removedConditions(text), ...exchangeMutants]
}
