// What callers can do with doors.

import { loadedLate } from '../platform/loaded-late.ts'

export { askAndWait, askAtDoor, followAtDoor } from './ask.ts'
export { enterBySignature } from './auth-api/enter-by-signature.ts'
export { enterDoor, mayStayAtDoor } from './authenticate-integration.ts'
export {
  changeIntegration,
  createIntegration,
  listIntegrations,
  readIntegration,
  removeIntegration,
  rotateIntegration,
} from './integrations.ts'
export { askForRealm, verifyRealm } from './keycloak/keycloak.ts'

const asking = () => import('./auth-api/ask-as-shown.ts')
export const askAsShown = loadedLate(async () => (await asking()).askAsShown)
export const askToFollow = loadedLate(async () => (await asking()).askToFollow)
export const followQuestion = loadedLate(async () => (await asking()).followQuestion)
export const refuseFactor = loadedLate(async () => (await asking()).refuseFactor)

const enrolling = () => import('./auth-api/enroll-at-door.ts')
export const enrollAtDoor = loadedLate(async () => (await enrolling()).enrollAtDoor)
export const readEnrollmentAtDoor = loadedLate(async () => (await enrolling()).readEnrollmentAtDoor)

const codes = () => import('./auth-api/enter-code.ts')
export const enterCode = loadedLate(async () => (await codes()).enterCode)
export const enterCodeToFollow = loadedLate(async () => (await codes()).enterCodeToFollow)

export const preauthenticate = loadedLate(
  async () => (await import('./auth-api/preauthenticate.ts')).preauthenticate,
)
