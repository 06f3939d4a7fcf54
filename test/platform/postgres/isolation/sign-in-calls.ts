import { randomBytes } from 'node:crypto'
import { notAttested } from '../../../../src/domain/attestation.ts'
import { confirmEnrollment } from '../../../../src/domain/enrollment.ts'
import { systemRandom } from '../../../../src/platform/crypto/random.ts'
import { challengeOf, resend } from '../../../challenges/challenge-steps.ts'
import {
  aClaim,
  aKey,
  aNewChallenge,
  anAnswer,
  anyRequest,
  aProof,
} from '../../../support/stores.ts'
import { anEvent, type Call, page } from './two-worlds.ts'

/** Calls about devices, enrollments, challenges, codes. */
export const signInCalls: Readonly<Record<string, Call>> = {
  'passcodes.facts': [
    async ({ passcodes }, my, their) => {
      const { secrets, codes } = await passcodes.facts(my.tenantId, my.rpId, their.userId)
      return [...secrets, ...codes]
    },
    [],
  ],
  'passcodes.burnLateStep': [
    ({ passcodes }, { tenantId }, { userId, deviceId }) =>
      passcodes.burnLateStep({ tenantId, userId, deviceId, step: 1 }),
    null,
  ],
  'passcodes.otherFactors': [
    ({ passcodes }, my, their) => passcodes.otherFactors(my.tenantId, their.userId),
    { passcodeDevices: 0, recoveryCodesLeft: 0, temporaryCodeExpiresAt: null },
  ],
  'deviceSpans.take': [
    async ({ deviceSpans }, my, their) => {
      const span = { from: new Date(0), to: new Date(Date.now() + 60_000) }
      const event = { type: 'devices_unregistered_by_time', actor: 'operator' } as const
      const spanDevices = await deviceSpans.take(my.tenantId, span, 100, {
        ...event,
        subject: my.tenantId,
      })
      return spanDevices.filter(({ userId }) => userId === their.userId)
    },
    [],
  ],
  'enrollments.createByDevice': [
    ({ enrollments }, my, their) => {
      const { enrollment } = their.waiting
      const codes = { codeHash: randomBytes(32), typedCodeHash: randomBytes(32) }
      const newEnrollment = {
        ...enrollment,
        ...codes,
        id: systemRandom.id('enrollment'),
        ttlSeconds: 60,
      }
      const opener = { tenantId: my.tenantId, openedByDeviceId: their.deviceId }
      return enrollments.createByDevice(
        { ...newEnrollment, ...opener, activity: anEvent(my) },
        aProof(my, my.deviceId),
      )
    },
    'changed',
  ],
  'enrollments.find': [
    ({ enrollments }, my, their) => enrollments.find(my.tenantId, their.open.id),
    null,
  ],
  'enrollments.cancel': [
    ({ enrollments }, my, their) =>
      enrollments.cancel(my.tenantId, their.open.id, their.rpId, anEvent(my)),
    null,
  ],
  'enrollments.findByCode': [
    ({ enrollments }, my, their) => enrollments.findByCode(my.tenantId, their.codeHash),
    null,
  ],
  'enrollments.findByTypedCode': [
    ({ enrollments }, my, their) =>
      enrollments.findByTypedCode(my.tenantId, 'alice', their.typedCodeHash),
    null,
  ],
  'enrollments.claim': [
    ({ enrollments }, my, their) => {
      const { userId } = their
      return enrollments.claim(aClaim({ tenantId: my.tenantId, id: their.open.id, userId }))
    },
    { kind: 'not_open' },
  ],
  'enrollments.findForConfirmation': [
    ({ enrollments }, my, their) =>
      enrollments.findForConfirmation(my.tenantId, their.waiting.deviceId),
    null,
  ],
  'enrollments.confirm': [
    ({ enrollments }, my, their) => {
      const enrollment = { ...their.waiting.enrollment, tenantId: my.tenantId }
      const effect = confirmEnrollment(3, true)
      return enrollments.confirm({ enrollment, effect, activities: [] }, aProof(my, my.deviceId))
    },
    { kind: 'changed' },
  ],
  'devices.find': [({ devices }, my, their) => devices.find(my.tenantId, their.deviceId), null],
  'devices.findKnown': [
    ({ devices }, my, their) => devices.findKnown(my.tenantId, their.deviceId),
    null,
  ],
  'devices.hadErasedKey': [
    ({ devices }, my, their) => devices.hadErasedKey(my.tenantId, their.deviceId, randomBytes(32)),
    false,
  ],
  'devices.findReplacedKey': [
    ({ devices }, my, their) =>
      devices.findReplacedKey(my.tenantId, their.deviceId, their.replacedKid),
    null,
  ],
  'devices.rotateKey': [
    ({ devices }, my, their) => {
      const [newKey, replacedKey] = [aKey(), aKey()]
      return devices.rotateKey(
        {
          ...{ tenantId: my.tenantId, deviceId: their.deviceId },
          ...{ wasKids: [], keys: [newKey], newKid: newKey.kid, replacedKey },
          attestation: notAttested,
          activity: anEvent(my),
        },
        aProof(my, my.deviceId),
      )
    },
    { kind: 'changed' },
  ],
  'devices.listOfUser': [
    ({ devices }, my, their) => devices.listOfUser(my.tenantId, their.userId),
    [],
  ],
  'devices.change': [
    ({ devices }, my, their) =>
      devices.change(my.tenantId, their.deviceId, { name: 'X' }, anEvent(my)),
    null,
  ],
  'devices.changeWithProof': [
    ({ devices }, my, their) =>
      devices.changeWithProof(
        my.tenantId,
        their.deviceId,
        { name: 'X' },
        anEvent(my),
        aProof(my, my.deviceId),
      ),
    null,
  ],
  'devices.setPushToken': [
    ({ devices }, my, their) =>
      devices.setPushToken(my.tenantId, their.deviceId, null, aProof(my, my.deviceId)),
    null,
  ],
  'devices.unregister': [
    ({ devices }, my, their) => {
      const { tenantId } = my
      const { userId, deviceId } = their
      return devices.unregister({
        tenantId,
        userId,
        deviceIds: [deviceId],
        reason: 'lost',
        actor: 'operator',
      })
    },
    { devices: [], endedChallenges: [] },
  ],
  'devices.unregisterWithProof': [
    ({ devices }, my, their) => {
      const { userId, deviceId } = their
      const about = { tenantId: my.tenantId, userId, deviceIds: [deviceId] }
      const proof = aProof(my, my.deviceId)
      return devices.unregisterWithProof({ ...about, reason: 'lost', actor: 'operator' }, proof)
    },
    { devices: [], endedChallenges: [] },
  ],
  'devices.recordRevokedUse': [
    ({ devices }, my, their) =>
      devices.recordRevokedUse(my.tenantId, { ...anEvent(my), deviceId: their.unregisteredDevice }),
    null,
  ],
  'suspensions.suspendDevice': [
    ({ suspensions }, my, their) => {
      const { userId, deviceId } = their
      const { tenantId } = my
      return suspensions.suspendDevice({ tenantId, userId, deviceId, actor: 'operator' })
    },
    null,
  ],
  'suspensions.suspendUser': [
    ({ suspensions }, { tenantId }, { userId }) =>
      suspensions.suspendUser({ tenantId, userId, actor: 'operator' }),
    null,
  ],
  'suspensions.activateUser': [
    ({ suspensions }, { tenantId }, { stoppedUserId: userId }) =>
      suspensions.activateUser({ tenantId, userId, actor: 'operator' }),
    null,
  ],
  'suspensions.activateDevice': [
    ({ suspensions }, my, their) => {
      const { userId, suspendedDevice } = their
      const { tenantId } = my
      const about = { tenantId, userId, actor: 'operator' } as const
      return suspensions.activateDevice({ ...about, deviceId: suspendedDevice })
    },
    null,
  ],
  'challenges.loadCreation': [
    async ({ challenges }, my, their) => {
      const { tenantId, rpId } = my
      const query = { tenantId, rpId, namespaces: ['default'], idempotencyKey: null, ...anyRequest }
      const byId = await challenges.loadCreation({ ...query, user: { id: their.userId } })
      const identifier = { namespace: 'default', value: their.name }
      const byName = await challenges.loadCreation({ ...query, user: identifier })
      return [byId.userId, byId.devices, byName.userId]
    },
    [null, [], null],
  ],
  'challenges.create': [
    async (all, my, their) => [
      await all.challenges.create(await aNewChallenge(all, my, [their.deviceId]), 'test'),
      await all.challenges.create(
        await aNewChallenge(all, { ...my.user, userId: their.userId }, [my.deviceId]),
        'test',
      ),
    ],
    ['changed', 'changed'],
  ],
  'challenges.find': [
    ({ challenges }, my, their) => challenges.find(my.tenantId, their.rpId, their.pending),
    null,
  ],
  'challenges.list': [
    ({ challenges }, my, their) => {
      const { rpId, userId } = their
      return challenges.list({ tenantId: my.tenantId, rpId, userId, status: null }, page)
    },
    [],
  ],
  'challenges.findEvidence': [
    ({ challenges }, my, their) =>
      challenges.findEvidence(my.tenantId, their.rpId, their.decidedId),
    null,
  ],
  'challenges.loadPending': [
    ({ challenges }, my, their) => challenges.loadPending(my.tenantId, their.deviceId),
    null,
  ],
  'challenges.markFetched': [
    ({ challenges }, my, their) =>
      challenges.markFetched(my.tenantId, their.deviceId, [their.pending]),
    undefined,
  ],
  'challenges.markReceived': [
    ({ challenges }, my, their) => challenges.markReceived(their.pending, aProof(my, my.deviceId)),
    null,
  ],
  'challenges.loadAnswer': [
    async ({ challenges }, my, their) => {
      const { tenantId, deviceId } = my
      const query = { tenantId, challengeId: their.pending, jti: 'jti' }
      const own = await challenges.loadAnswer({ ...query, deviceId })
      const foreign = await challenges.loadAnswer({ ...query, deviceId: their.deviceId })
      return [own?.target, foreign]
    },
    [null, null],
  ],
  'challenges.recordAnswer': [
    async ({ challenges }, my, their) => [
      await challenges.recordAnswer(
        anAnswer(my, their.pending, my.deviceId),
        aProof(my, my.deviceId),
      ),
      await challenges.recordAnswer(
        anAnswer(my, their.pending, their.deviceId),
        aProof(my, their.deviceId),
      ),
    ],
    [{ kind: 'changed' }, { kind: 'device_not_active' }],
  ],
  'challenges.cancel': [
    ({ challenges }, my, their) => {
      const about = { type: 'challenge_cancelled', severity: 'info', actor: 'operator' } as const
      return challenges.cancel(my.tenantId, their.rpId, their.pending, about, 'test')
    },
    null,
  ],
  'challenges.expire': [
    ({ challenges }, my, their) => challenges.expire({ tenantId: my.tenantId, id: their.over }, 1),
    [],
  ],
  'challenges.loadResend': [
    async (all, my, their) => {
      const challenge = await challengeOf(all, their.user, their.pending)
      return all.challenges.loadResend({ ...challenge, tenantId: my.tenantId })
    },
    null,
  ],
  'challenges.resend': [
    async (all, my, their) => {
      const challenge = await challengeOf(all, their.user, their.pending)
      return resend(all, { ...challenge, tenantId: my.tenantId, userId: my.userId })
    },
    'changed',
  ],
  'deliveries.settle': [
    async ({ deliveries, database }, my, their) => {
      const [push] = await database.query<{ id: `dlv_${string}` }>(
        'owed_by_them',
        `select id from deliveries where tenant_id = $1 and status = 'queued'
          and leased_by = 'test'`,
        [their.tenantId],
      )
      if (!push) throw new Error('they have a queued push')
      const outcome = { status: 'failed', reason: 'mine' } as const
      return deliveries.settle('test', [{ tenantId: my.tenantId, id: push.id, outcome }])
    },
    undefined,
  ],
}
