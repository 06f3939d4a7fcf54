// Checks docs/protocol.md against the code where both say the same.

import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { answerTyp } from '../src/domain/answer.ts'
import { requestTyp } from '../src/domain/approval-request.ts'
import { resultTyp } from '../src/domain/approval-result.ts'
import { clockWindowSeconds } from '../src/domain/claims.ts'
import { proofTyp } from '../src/domain/device-proof.ts'
import { claimTyp } from '../src/domain/enrollment.ts'
import { keySetTyp } from '../src/tenants/rotate-signing-key.ts'
import { openApiFile } from './support/openapi-file.ts'

type Operation = {
  readonly security?: readonly { readonly deviceProof?: readonly string[] }[]
  readonly responses: Readonly<Record<string, { readonly $ref?: string }>>
}
type OpenApi = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly responses: Readonly<Record<string, { readonly description: string }>>
  }
}

let text: string
let refusals: OpenApi['components']['responses']
let operations: (readonly [call: string, operation: Operation])[]

beforeAll(async () => {
  const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')
  text = await read('../docs/protocol.md')
  const { paths, components } = openApiFile as OpenApi
  refusals = components.responses
  operations = Object.entries(paths)
    .filter(([path]) => path.startsWith('/device/v1/'))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
      ),
    )
})

/** The rows of the tables under the heading, each as its cells. */
function rows(heading: string): string[][] {
  const [, after = ''] = text.split(`${heading}\n`)
  const lines = (after.split(/^#/m)[0] ?? '').match(/^\|.+\|$/gm) ?? []
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => code)
}

/** Every refusal that the document explains, with its status. */
function explainedRefusals(): [code: string, status: number][] {
  return rows('## 12. Refusals').flatMap(([codes = '', statuses = '']) => {
    const each = statuses.split(',').map(Number)
    return codesIn(codes).map((code, at): [string, number] => [code, each[at] ?? each[0] ?? 0])
  })
}

describe('the refusals that docs/protocol.md explains', () => {
  test('are exactly those that devices can receive, each with its status', () => {
    const receivedNames = operations.flatMap(([, { responses }]) =>
      Object.entries(responses).flatMap(([status, { $ref = '' }]) => {
        const description = refusals[$ref.split('/').at(-1) ?? '']?.description ?? ''
        return codesIn(description).map((code) => `${status} ${code}`)
      }),
    )
    // Refused before any route is found.
    receivedNames.push('431 headers_too_large')
    const documentedNames = explainedRefusals().map(([code, status]) => `${status} ${code}`)
    expect(documentedNames.toSorted()).toEqual([...new Set(receivedNames)].toSorted())
  })
})

test('the table of calls names every call of devices and the key that it takes', () => {
  const table = rows('### Which call takes which key').flatMap(([call = '', key = '']) => {
    const plain = call.replaceAll('`', '').replace(/\?.*$/, '')
    return plain.includes('/') ? [`${plain}: ${key.replaceAll('*', '')}`] : []
  })
  const acceptedKeys = operations.map(([call, { security }]) => {
    return `${call}: ${security?.[0]?.deviceProof?.[0] ?? 'none'}`
  })
  expect(table.toSorted()).toEqual(acceptedKeys.toSorted())
})

test('every kind of signed text has its members listed', () => {
  for (const typ of [claimTyp, requestTyp, answerTyp, keySetTyp]) {
    expect(text).toContain(`| member of \`${typ}\` |`)
  }
  for (const typ of [proofTyp, resultTyp]) expect(text).toContain(`\`${typ}\` `)
})

test('the window for clocks is the one that is applied', () => {
  const { behind, ahead } = clockWindowSeconds
  expect(text).toContain(`from ${behind} seconds behind to ${ahead} seconds ahead`)
})
