// Use cases of doors joined to what they need, as src/bind-use-cases.ts does with the others.

import { askAndWait, askAtDoor, followAtDoor } from './usecases/doors/ask.ts'
import {
  askAsShown,
  askToFollow,
  followQuestion,
  refuseUnseen,
  type Needs as ShownNeeds,
} from './usecases/doors/ask-as-shown.ts'
import type { IntegrationAuthentication } from './usecases/doors/authenticate-integration.ts'
import {
  type Needs as EnrollNeeds,
  enrollAtDoor,
  readEnrollmentAtDoor,
} from './usecases/doors/enroll-at-door.ts'
import { enterBySignature, type SignedDoorCall } from './usecases/doors/enter-by-signature.ts'
import {
  type Needs as CodeNeeds,
  enterCode,
  enterCodeToFollow,
} from './usecases/doors/enter-code.ts'
import { askForRealm, type Needs as RealmNeeds, verifyRealm } from './usecases/doors/keycloak.ts'
import { type Needs as PreauthNeeds, preauthenticate } from './usecases/doors/preauthenticate.ts'
import {
  changeIntegration,
  createIntegration,
  type Needs as IntegrationNeeds,
  listIntegrations,
  readIntegration,
  removeIntegration,
  rotateIntegration,
} from './usecases/integrations.ts'
import type { Needs as EnrollmentNeeds } from './usecases/read-enrollment.ts'

type Needs = RealmNeeds &
  ShownNeeds &
  CodeNeeds &
  PreauthNeeds &
  EnrollNeeds &
  EnrollmentNeeds &
  IntegrationNeeds

/** Gives use cases their needs. */
export function binderOf<Known>(known: Known) {
  return <Given extends unknown[], Result>(
    useCase: (known: Known, ...given: Given) => Result,
  ): ((...given: Given) => Result) =>
    (...given) =>
      useCase(known, ...given)
}

/** How doors are set up, what every door does, and what single wire formats need beside it. */
export function bindDoors(needs: Needs, { enter, stillAllowed }: IntegrationAuthentication) {
  const bind = binderOf(needs)
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
    enterBySignature: (signed: SignedDoorCall) =>
      enterBySignature({ ...needs, enterDoor: enter }, signed),
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
