// What callers can do with tenants.

export { createApiKey, listApiKeys, revokeApiKey, rotateApiKey } from './api-keys.ts'
export { authenticateApiKey } from './authenticate-api-key.ts'
export {
  brandOf,
  readBranding,
  readLogo,
  removeBranding,
  replaceBranding,
} from './branding/branding.ts'
export { readPolicy, setPolicy, setRelyingPartyPolicy } from './policy.ts'
export { readPublicKeys } from './read-signing-keys.ts'
export {
  changeRelyingParty,
  changeTenant,
  createRelyingParty,
  listRelyingParties,
  readTenant,
} from './tenants.ts'
