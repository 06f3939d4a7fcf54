// Ids of Entra as an admin copies them: what is likely to be pasted in their place.

/** The tenant of all personal accounts of Microsoft, which no organisation owns. */
const personalAccounts = '9188040d-6c67-4c5b-b112-36a304b66dad'
/** Names that Entra takes in place of a tenant, for several at once. */
const manyTenants = ['common', 'organizations', 'consumers']

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What is wrong with a text that is to be an id of Entra, and what to give instead. */
export function directoryIdFault(text: string): string | undefined {
  if (guid.test(text)) return undefined
  if (/^https?:/i.test(text)) return 'must be the GUID alone, without the address around it'
  if (manyTenants.includes(text.toLowerCase())) {
    return 'names no tenant: give the id (GUID) of the one tenant whose people sign in'
  }
  if (/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i.test(text)) {
    return 'is a domain: give the GUID that Entra shows as Tenant ID in its overview'
  }
  return 'must be a GUID, such as 1b4e28ba-2fa1-4d20-883f-0016d3cca427'
}

/** What is wrong with two ids that are each well-formed. */
export function directoryIdsFault(ids: {
  readonly entraTenantId: string
  readonly applicationId: string
}): string | undefined {
  const { entraTenantId, applicationId } = ids
  if (entraTenantId === personalAccounts) {
    return 'This is the tenant of personal accounts: give the id of your own Entra tenant.'
  }
  if (entraTenantId === applicationId) {
    return 'The ids of the Entra tenant and of the application are equal: one of them is wrong.'
  }
  return undefined
}
