// What callers can do with doors.

export { askAndWait, askAtDoor, followAtDoor } from './ask.ts'
export { askAsShown, askToFollow, followQuestion, refuseUnseen } from './auth-api/ask-as-shown.ts'
export { enrollAtDoor, readEnrollmentAtDoor } from './auth-api/enroll-at-door.ts'
export { enterBySignature } from './auth-api/enter-by-signature.ts'
export { enterCode, enterCodeToFollow } from './auth-api/enter-code.ts'
export { preauthenticate } from './auth-api/preauthenticate.ts'
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
