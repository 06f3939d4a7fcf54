import { randomBytes } from 'node:crypto'
import { preferencesOf } from '../../../../src/domain/notice.ts'
import { systemRandom } from '../../../../src/platform/crypto/random.ts'
import { freshProtection } from '../../../support/stores.ts'
import { anEvent, type Call } from './two-worlds.ts'

/** A session of another tenant, as a caller of this one would name it. */
const sessionOf = (
  { tenantId }: Parameters<Call[0]>[1],
  { userId, portalId }: Parameters<Call[0]>[2],
) => ({ tenantId, userId, id: portalId })

/** Calls about what users do in the portal. */
export const portalCalls: Readonly<Record<string, Call>> = {
  'portal.open': [
    ({ portal }, my, their) =>
      portal.open(my.tenantId, their.linkHash, { hash: randomBytes(32), seconds: 60 }),
    null,
  ],
  'portal.find': [({ portal }, my, their) => portal.find(my.tenantId, their.sessionHash), null],
  'portal.end': [({ portal }, my, their) => portal.end(my.tenantId, their.portalId), undefined],
  'portal.markVerified': [
    ({ portal }, my, their) => portal.markVerified(my.tenantId, their.portalId),
    null,
  ],
  'portal.findActivityOf': [
    ({ portal }, { tenantId }, { userId, pending: id }) =>
      portal.findActivityOf({ tenantId, userId, id }),
    null,
  ],
  'portal.renameDevice': [
    ({ portal }, my, their) =>
      portal.renameDevice(sessionOf(my, their), their.deviceId, 'Mine', anEvent(my)),
    'session_gone',
  ],
  'portal.suspendDevice': [
    ({ portal }, my, their) => {
      const { userId, deviceId } = their
      const device = { tenantId: my.tenantId, userId, deviceId }
      return portal.suspendDevice(sessionOf(my, their), { ...device, actor: 'operator' })
    },
    'session_gone',
  ],
  'portal.unregisterDevice': [
    ({ portal }, my, their) => {
      const { userId, deviceId } = their
      const about = { tenantId: my.tenantId, userId, deviceIds: [deviceId] }
      const by = { reason: 'lost', actor: 'operator' } as const
      return portal.unregisterDevice(sessionOf(my, their), { ...about, ...by })
    },
    'session_gone',
  ],
  'portal.findEntrance': [
    ({ portal }, my, their) => portal.findEntrance(my.tenantId, their.rpId),
    null,
  ],
  'portal.findEntranceQuestion': [
    ({ portal }, my, their) => portal.findEntranceQuestion(my.tenantId, their.pending),
    null,
  ],
  'portal.openByApproval': [
    ({ portal }, { tenantId }, { rpId, pending: challengeId, userId }) => {
      const id = systemRandom.id('portalSession')
      const secrets = { hash: randomBytes(32), linkHash: randomBytes(32), seconds: 60 }
      return portal.openByApproval({ tenantId, rpId, challengeId }, userId, { id, ...secrets })
    },
    null,
  ],
  'portal.record': [
    ({ portal }, my, their) => portal.record(sessionOf(my, their), anEvent(my)),
    null,
  ],
  'portal.changePreferences': [
    ({ portal }, my, their) =>
      portal.changePreferences(sessionOf(my, their), preferencesOf({}), anEvent(my)),
    null,
  ],
  'portal.changeProtection': [
    ({ portal }, my, their) =>
      portal.changeProtection(sessionOf(my, their), freshProtection, anEvent(my)),
    'session_gone',
  ],
  'portal.requestErasure': [
    ({ portal }, my, their) => portal.requestErasure(sessionOf(my, their), 60, anEvent(my)),
    null,
  ],
  'passcodes.findRecoveryCodeSet': [
    ({ passcodes }, my, their) => passcodes.findRecoveryCodeSet(my.tenantId, their.userId),
    null,
  ],
  'passcodes.replaceRecoveryCodesInPortal': [
    ({ passcodes }, my, { userId, portalId: sessionId }) =>
      passcodes.replaceRecoveryCodesInPortal({
        ...{ tenantId: my.tenantId, userId, sessionId, insteadOf: null, codes: [] },
        activity: anEvent(my),
      }),
    'session_gone',
  ],
  'enrollments.createInPortal': [
    ({ enrollments }, my, their) => {
      const { enrollment } = their.waiting
      const codes = { codeHash: randomBytes(32), typedCodeHash: randomBytes(32) }
      const id = systemRandom.id('enrollment')
      return enrollments.createInPortal({
        ...{ ...enrollment, ...codes, id, ttlSeconds: 60, tenantId: my.tenantId },
        openedBySessionId: their.portalId,
        activity: anEvent(my),
      })
    },
    'session_gone',
  ],
}
