// One clock: the database's. What reads the clock of the machine is listed here, with the reason.

import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const project = path.resolve(import.meta.dirname, '..')

const allowedReaders: Readonly<Record<string, string>> = {
  'src/platform/net/clock.ts': 'the machine’s clock itself, for scripts and tests',
  'src/platform/crypto/random.ts': 'ids of scripts and tests',
  'src/platform/net/database-clock.ts': 'measures by how much the machine’s clock is off',
  'src/platform/http/logging.ts':
    'lines of the log are compared with those of other programs of the machine',
  'src/platform/postgres/embedded/embedded-postgres-cluster.ts': 'compares with the times of files',
  'src/platform/postgres/embedded/embedded-postgres-postmaster.ts':
    'compares with the times of files',
}

const readings: Readonly<Record<string, RegExp>> = {
  'Date.now': /\bDate\.now\b/,
  'new Date without a time': /\bnew Date\(\s*\)|\bnew Date(?!\s*\()|(?<![.\w])(?<!new )Date\(\s*\)/,
  'the clock of scripts and tests': /\bsystem(Clock|Random)\b/,
  'an issue time that jose takes from the machine': /\.setIssuedAt\(\s*\)/,
  'an end that jose counts from the machine’s time': /\.set(ExpirationTime|NotBefore)\(\s*['"`]/,
  'TOTP at the machine’s time': /TOTP\.(generate|validate)\((?![\s\S]{0,300}\btimestamp\b)/,
  'ids by the machine’s time': /\btypeid(Unboxed)?\(|\buuidv7\(/,
}

/** The readings of the machine's clock in a source text; comments do not count. */
function readingsIn(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
  const readingNames = Object.keys(readings).filter((name) => readings[name]?.test(code))
  const verifies = /\bjwtVerify\(/.test(code) && !/\bcurrentDate\b/.test(code)
  return verifies ? [...readingNames, 'a token checked at the machine’s time'] : readingNames
}

const files = globSync('src/**/*.ts', { cwd: project })
  .map((file) => file.split(path.sep).join('/'))
  .filter((file) => !file.startsWith('src/generated/'))

test('no file of the service reads the clock of the machine, except those that must', () => {
  const reading = files.filter(
    (file) => readingsIn(readFileSync(path.join(project, file), 'utf8')).length > 0,
  )
  expect(reading.toSorted()).toEqual(Object.keys(allowedReaders).toSorted())
})

test.each([
  'const at = Date.now()',
  'const wall = Date.now',
  'const at = new Date()',
  'const at = Date()',
  'needs.clock ?? systemClock',
  'token.setIssuedAt().sign(key)',
  "token.setIssuedAt(at).setExpirationTime('1h')",
  'TOTP.generate({ secret, digits })',
  "typeidUnboxed('chg')",
  'await jwtVerify(token, keys, { issuer })',
])('the rule reports: %s', (text) => {
  expect(readingsIn(text)).not.toEqual([])
})

test.each([
  'new Date(row.at)',
  'performance.now() // not Date.now()',
  'token.setIssuedAt(at).setExpirationTime(at + 3600)',
  'TOTP.generate({ secret, timestamp })',
  'await jwtVerify(token, keys, { currentDate })',
  'at instanceof Date',
])('the rule accepts: %s', (text) => {
  expect(readingsIn(text)).toEqual([])
})
