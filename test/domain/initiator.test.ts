import { expect, test } from 'vitest'
import { initiatorText } from '../../src/domain/initiator.ts'
import { rpId } from './examples.ts'

const browser = { kind: 'browser', id: 'x' } as const
const network = { kind: 'network', prefix: 'x' } as const

test('an initiator differs by relying party, and no browser is named like a network', () => {
  const names = [
    initiatorText(rpId, browser),
    initiatorText(rpId, network),
    initiatorText(rpId, null),
    initiatorText('rp_other', browser),
    initiatorText('rp_other', null),
  ]
  expect(new Set(names).size).toBe(names.length)
})

test('a browser is known by its id, and without one its network by its prefix', () => {
  const other = initiatorText(rpId, { ...browser, id: 'y' })
  expect(other).not.toBe(initiatorText(rpId, browser))
  const otherNetwork = initiatorText(rpId, { ...network, prefix: 'y' })
  expect(otherNetwork).not.toBe(initiatorText(rpId, network))
})
