import { describe, expect, it } from 'vitest'
import { tidy } from '../../../src/platform/http/openapi-document.ts'
import { exampleOf } from '../../../src/platform/http/openapi-examples.ts'
import { inReadingOrder } from '../../../src/platform/http/openapi-order.ts'
import { shareRefusals } from '../../../src/platform/http/openapi-refusals.ts'

describe('sharing refusals', () => {
  it('names the set of codes, and has an example of each', () => {
    const response = (code: string) => ({
      description: `- \`${code}\`: Text.`,
      content: { 'application/problem+json': { schema: {} } },
    })
    const get = { operationId: 'one', responses: { 409: response('conflict') } }
    const document = shareRefusals({ paths: { '/': { get } }, components: {} })
    expect(document.paths['/']?.get?.responses).toEqual({
      409: { $ref: '#/components/responses/Conflict' },
    })
    expect(document.components).toHaveProperty('examples.conflict.value.status', 409)
  })
})

describe('composing an example', () => {
  it('takes what members name, and invents no text', () => {
    const schemas = { Word: { type: 'string', enum: ['one', 'two'] } }
    const properties = {
      named: { type: 'string', example: 'Ada' },
      word: { $ref: '#/components/schemas/Word' },
      none: { type: ['string', 'null'] },
      either: { anyOf: [{ type: 'integer', minimum: 2 }, { type: 'null' }] },
      list: { type: 'array', items: { type: 'boolean' } },
    }
    expect(exampleOf({ type: 'object', properties }, schemas, '')).toEqual({
      named: 'Ada',
      word: 'one',
      none: null,
      either: 2,
      list: [false],
    })
    const textless = { type: 'object', properties: { name: { type: 'string' } } }
    expect(() => exampleOf(textless, {}, 'Here')).toThrow('Here/name has no example')
  })
})

describe('ordering a description', () => {
  it('leaves data and the names of members in their order', () => {
    const example = { type: 'b', description: 'a' }
    const properties = { type: { example, description: 'x' }, description: {} }
    const document = inReadingOrder({ components: { schemas: { B: { properties }, A: {} } } })
    expect(JSON.stringify(document)).toBe(
      JSON.stringify({
        components: {
          schemas: {
            A: {},
            B: { properties: { type: { description: 'x', example }, description: {} } },
          },
        },
      }),
    )
  })
})

describe('tidying a description', () => {
  it('keeps referenced schemas, however deep, and drops the suffix of input-only ones', () => {
    const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
    const document = tidy({
      paths: {
        input: ref('NewInput'),
        output: ref('Both'),
        otherInput: ref('BothInput'),
        words: [ref('Same'), ref('SameInput')],
      },
      components: {
        schemas: {
          New: { unused: true },
          NewInput: { inner: ref('DeepInput') },
          Deep: {},
          DeepInput: { additionalProperties: false },
          Both: { additionalProperties: false },
          BothInput: { additionalProperties: false },
          Same: { enum: ['a', 'b'] },
          SameInput: { enum: ['a', 'b'] },
          Nobody: {},
        },
      },
    })
    expect(document).toEqual({
      paths: {
        input: ref('New'),
        output: ref('Both'),
        otherInput: ref('BothInput'),
        words: [ref('Same'), ref('Same')],
      },
      components: {
        schemas: {
          New: { inner: ref('Deep') },
          Deep: { additionalProperties: false },
          Both: {},
          Same: { enum: ['a', 'b'] },
          BothInput: { additionalProperties: false },
        },
      },
    })
  })
})
