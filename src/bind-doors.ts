// Use cases of doors bound to their dependencies, as in src/bind-use-cases.ts.

import { askAndWait, askAtDoor, followAtDoor } from './usecases/doors/ask.ts'
import {
  askAsShown,
  askToFollow,
  followQuestion,
  refuseUnseen,
  type Dependencies as ShownDependencies,
} from './usecases/doors/ask-as-shown.ts'
import type { IntegrationAuthentication } from './usecases/doors/authenticate-integration.ts'
import {
  type Dependencies as EnrollDependencies,
  enrollAtDoor,
  readEnrollmentAtDoor,
} from './usecases/doors/enroll-at-door.ts'
import { enterBySignature, type SignedDoorCall } from './usecases/doors/enter-by-signature.ts'
import {
  type Dependencies as CodeDependencies,
  enterCode,
  enterCodeToFollow,
} from './usecases/doors/enter-code.ts'
import {
  askForRealm,
  type Dependencies as RealmDependencies,
  verifyRealm,
} from './usecases/doors/keycloak.ts'
import {
  type Dependencies as PreauthDependencies,
  preauthenticate,
} from './usecases/doors/preauthenticate.ts'
import {
  changeIntegration,
  createIntegration,
  type Dependencies as IntegrationDependencies,
  listIntegrations,
  readIntegration,
  removeIntegration,
  rotateIntegration,
} from './usecases/integrations.ts'
import type { Dependencies as EnrollmentDependencies } from './usecases/read-enrollment.ts'

type DoorDependencies = RealmDependencies &
  ShownDependencies &
  CodeDependencies &
  PreauthDependencies &
  EnrollDependencies &
  EnrollmentDependencies &
  IntegrationDependencies

/** Binds use cases to their dependencies. */
export function binderOf<Bound>(dependencies: Bound) {
  return <Rest extends unknown[], Result>(
    useCase: (dependencies: Bound, ...parameters: Rest) => Result,
  ): ((...parameters: Rest) => Result) =>
    (...parameters) =>
      useCase(dependencies, ...parameters)
}

/** The administration of doors, their common use cases, and those of single wire formats. */
export function bindDoors(
  dependencies: DoorDependencies,
  { enter, stillAllowed }: IntegrationAuthentication,
) {
  const bind = binderOf(dependencies)
  return {
    listIntegrations: bind(listIntegrations),
    readIntegration: bind(readIntegration),
    createIntegration: bind(createIntegration),
    changeIntegration: bind(changeIntegration),
    rotateIntegration: bind(rotateIntegration),
    removeIntegration: bind(removeIntegration),
    enterDoor: enter,
    mayStayAtDoor: stillAllowed,
    askAtDoor: bind(askAtDoor),
    followAtDoor: bind(followAtDoor),
    askAndWait: bind(askAndWait),
    verifyRealm: bind(verifyRealm),
    askForRealm: bind(askForRealm),
    enterBySignature: (signedCall: SignedDoorCall) =>
      enterBySignature({ ...dependencies, enterDoor: enter }, signedCall),
    preauthenticate: bind(preauthenticate),
    askAsShown: bind(askAsShown),
    askToFollow: bind(askToFollow),
    refuseUnseen: bind(refuseUnseen),
    followQuestion: bind(followQuestion),
    enterCode: bind(enterCode),
    enterCodeToFollow: bind(enterCodeToFollow),
    enrollAtDoor: bind(enrollAtDoor),
    readEnrollmentAtDoor: bind(readEnrollmentAtDoor),
  }
}
