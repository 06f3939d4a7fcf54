// What callers can do with doors.

export { askAndWait, askAtDoor, followAtDoor } from '../doors/ask.ts'
export { askAsShown, askToFollow, followQuestion, refuseUnseen } from '../doors/ask-as-shown.ts'
export { enterDoor, mayStayAtDoor } from '../doors/authenticate-integration.ts'
export { enrollAtDoor, readEnrollmentAtDoor } from '../doors/enroll-at-door.ts'
export { enterBySignature } from '../doors/enter-by-signature.ts'
export { enterCode, enterCodeToFollow } from '../doors/enter-code.ts'
export { askForRealm, verifyRealm } from '../doors/keycloak.ts'
export { preauthenticate } from '../doors/preauthenticate.ts'
export {
  changeIntegration,
  createIntegration,
  listIntegrations,
  readIntegration,
  removeIntegration,
  rotateIntegration,
} from '../integrations.ts'
