// Refusals in the description: one shared response for each set of codes that operations answer
// with, and one example for each code.

import { STATUS_CODES } from '../node-http.ts'
import { problemBody, problemMediaType } from './problem.ts'
import { type ProblemCode, problems } from './problem-table.ts'

type Content = Readonly<Record<string, object>>
type Response = { readonly description?: string; readonly content?: Content }
type Operation = { readonly operationId?: string; readonly responses?: Record<string, Response> }
type Document = {
  readonly paths?: Record<string, Record<string, Operation>>
  readonly components?: object
}

/** Codes that guards add together; a set that holds one of these is named after it. */
const families: Readonly<Record<string, readonly ProblemCode[]>> = {
  ApiKeyUnauthenticated: ['unauthenticated', 'api_key_invalid'],
  ApiKeyForbidden: ['address_not_allowed', 'scope_missing'],
  DeviceUnauthenticated: ['proof_missing', 'proof_malformed', 'proof_invalid', 'clock_skew'],
  DeviceForbidden: [
    'device_not_active',
    'device_suspended',
    'device_unregistered',
    'platform_retired',
    'app_too_old',
    'protocol_too_old',
  ],
}
/** A name of more codes than these would not be read: such a set is named after its operation. */
const codesInNameMax = 3

const pascal = (text: string) =>
  text.replaceAll(/(?:^|[^A-Za-z]+)([A-Za-z])/g, (_, letter: string) => letter.toUpperCase())

/** The name of the response of a set of codes, which all have this status. */
function nameOf(status: string, codes: readonly ProblemCode[], operationId: string): string {
  const family = Object.entries(families).find(([, members]) =>
    members.every((one) => codes.includes(one)),
  )
  const others = codes.filter((code) => !family?.[1].includes(code))
  if (others.length > codesInNameMax)
    return pascal(`${operationId} ${STATUS_CODES[status] ?? status}`)
  return [...(family ? [family[0]] : []), ...others.map(pascal)].join('Or')
}

// The type provider passes on nothing of a response but its description and its content.
function codesOf({ description = '' }: Response): ProblemCode[] {
  const codes = [...description.matchAll(/^- `(\w+)`: /gm)].map(([, code]) => code as ProblemCode)
  return codes.filter((code) => code in problems).sort()
}

const exampleRef = (code: ProblemCode) => ({ $ref: `#/components/examples/${code}` })

function problemContent(schema: unknown, codes: readonly ProblemCode[]): object {
  const narrower = { type: 'object', properties: { code: { enum: codes } } }
  const examples = Object.fromEntries(codes.map((code) => [code, exampleRef(code)]))
  return { schema: { allOf: [schema, narrower] }, examples }
}

function exampleOf(code: ProblemCode): object {
  const errors = [{ path: '/user', message: 'must not be blank' }]
  return { value: problemBody(code, code === 'invalid_request' ? { errors } : {}) }
}

const retryAfter = {
  description: 'Seconds to wait, where they are known (RFC 9110, 10.2.3).',
  schema: { type: 'integer', minimum: 0, example: 30 },
}
const retriedStatuses = ['429', '503']

/** Collects what operations share. */
class SharedRefusals {
  readonly #responses = new Map<string, { readonly codes: string; readonly response: object }>()
  readonly #codes = new Set<ProblemCode>()

  /** The response to put in the place of this one: a reference, unless it has other formats too. */
  responseFor(status: string, response: Response, operationId: string): Response {
    const problem = response.content?.[problemMediaType] as { schema: unknown } | undefined
    if (problem === undefined) return response
    const codes = codesOf(response)
    for (const code of codes) this.#codes.add(code)
    const content = {
      ...response.content,
      [problemMediaType]: problemContent(problem.schema, codes),
    }
    const headers = retriedStatuses.includes(status) && {
      headers: { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } },
    }
    const fullResponse = { description: response.description, ...headers, content }
    if (Object.keys(content).length > 1) return fullResponse as Response
    const name = nameOf(status, codes, operationId)
    const former = this.#responses.get(name)
    if (former && former.codes !== codes.join())
      throw new Error(`two sets of codes are named ${name}: give one of them a family`)
    this.#responses.set(name, { codes: codes.join(), response: fullResponse })
    return { $ref: `#/components/responses/${name}` } as Response
  }

  components(): object {
    const responses = [...this.#responses].map(([name, { response }]) => [name, response])
    return {
      headers: { RetryAfter: retryAfter },
      responses: Object.fromEntries(responses),
      examples: Object.fromEntries([...this.#codes].map((code) => [code, exampleOf(code)])),
    }
  }
}

/** Moves the refusals of all operations to shared responses, which they refer to. */
export function shareRefusals<D extends Document>(document: D): D {
  const collection = new SharedRefusals()
  const ofOperation = (operation: Operation): Operation => {
    const { operationId = '', responses = {} } = operation
    const entries = Object.entries(responses).map(([status, response]) => [
      status,
      collection.responseFor(status, response, operationId),
    ])
    return { ...operation, responses: Object.fromEntries(entries) }
  }
  const paths = mapValues(document.paths ?? {}, (item) => mapValues(item, ofOperation))
  return { ...document, paths, components: { ...document.components, ...collection.components() } }
}

function mapValues<T>(from: Record<string, T>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, change(value)]))
}
