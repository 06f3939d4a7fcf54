import { expect, test } from 'vitest'
import { directoryIdFault } from '../../src/domain/entra-ids.ts'

test.for<[string, RegExp]>([
  ['acme.onmicrosoft.com', /is a domain: give the GUID that Entra shows as Tenant ID/],
  ['common', /names no tenant/],
  ['Organizations', /names no tenant/],
  ['consumers', /names no tenant/],
  ['https://login.microsoftonline.com/common/v2.0', /the GUID alone/],
  ['1b4e28ba2fa14d20883f0016d3cca427', /must be a GUID/],
  ['', /must be a GUID/],
])('%s is no id of Entra, and what to give instead is said', ([text, message]) => {
  expect(directoryIdFault(text)).toMatch(message)
})

test('a GUID may be an id of Entra, in any case of its letters', () => {
  expect(directoryIdFault('1B4E28BA-2fa1-4d20-883f-0016d3cca427')).toBeUndefined()
})
