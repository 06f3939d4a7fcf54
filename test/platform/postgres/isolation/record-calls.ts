import { randomBytes } from 'node:crypto'
import { activity } from '../../../../src/domain/activity.ts'
import { preferencesOf } from '../../../../src/domain/notice.ts'
import { systemRandom } from '../../../../src/platform/crypto/random.ts'
import { everythingOn } from '../../../support/personal-data.ts'
import { aProof, freshProtection, noExceptions } from '../../../support/stores.ts'
import { type Call, endpointOf, page } from './two-worlds.ts'

/** Calls about the records on users, and the events and notices of them. */
export const recordCalls: Readonly<Record<string, Call>> = {
  'personalData.openExport': [
    async ({ personalData }, my, their) =>
      Object.values(await everythingOn(personalData, my.tenantId, their.userId)).flat(),
    [],
  ],
  'personalData.cutOff': [
    ({ personalData }, my, their) =>
      personalData.cutOff(my.tenantId, their.userId, 'operator', noExceptions),
    { devices: [], endedChallenges: [] },
  ],
  'personalData.eraseRest': [
    ({ personalData }, my, their) => personalData.eraseRest(my.tenantId, their.userId, 100),
    'done',
  ],
  'personalData.settleErasure': [
    ({ personalData }, my, their) => personalData.settleErasure(my.tenantId, their.userId),
    undefined,
  ],
  'audit.list': [
    ({ audit }, my, their) => audit.list(my.tenantId, { subject: their.apiKeyId }, page),
    [],
  ],
  'audit.readLinks': [
    async ({ audit }, my, their) => {
      const links = ({ seq }: { seq: number }, rows: readonly { id: string }[]) =>
        rows.map(({ id }, n) => ({
          seq: seq + n + 1,
          rowId: id,
          occurredAtMicros: '0',
          coreDigest: '',
          detailsDigest: '',
          hash: '',
        }))
      await audit.lengthen(their.tenantId, { limit: 100, lookBackSeconds: 60 }, links)
      return audit.readLinks(my.tenantId, 0, 100)
    },
    [],
  ],
  'audit.readHeads': [
    async ({ audit }, my, their) => {
      await audit.saveHead(their.tenantId, { seq: 1_000, jws: 'head' })
      return audit.readHeads(my.tenantId)
    },
    [],
  ],
  'audit.readEnd': [
    ({ audit }, my) => audit.readEnd(my.tenantId),
    { seq: 0, hash: '', missing: false, unsettled: false },
  ],
  'audit.readExempting': [
    ({ audit }, my) => audit.readExempting(my.tenantId, 'user_erased', '', 10),
    [],
  ],
  'audit.countAbout': [
    ({ audit }, my, their) => audit.countAbout(my.tenantId, their.userId, `${10n ** 17n}`),
    { count: 0, from: '0', digest: '' },
  ],
  'audit.readPurgedLinks': [({ audit }, my) => audit.readPurgedLinks(my.tenantId, 0, 1_000), []],
  'audit.readCheckpoints': [({ audit }, my) => audit.readCheckpoints(my.tenantId), []],
  'audit.findLastHead': [
    async ({ audit }, my, their) => {
      await audit.saveHead(their.tenantId, { seq: 1_001, jws: 'head' })
      return audit.findLastHead(my.tenantId)
    },
    null,
  ],
  'audit.findOverdueRow': [({ audit }, my) => audit.findOverdueRow(my.tenantId), null],
  'retention.purge': [
    ({ retention }, my) =>
      retention.purge('diagnostics', my.tenantId, new Date(), 10, noExceptions),
    0,
  ],
  'activities.find': [
    async ({ activities }, my, their) => {
      const [one] = await activities.list(their.tenantId, their.userId, page)
      return activities.find(my.tenantId, one?.id ?? systemRandom.id('activity'))
    },
    null,
  ],
  'activities.list': [
    ({ activities }, my, their) => activities.list(my.tenantId, their.userId, page),
    [],
  ],
  'notices.settle': [
    ({ notices }, my, their) => notices.settle(my.tenantId, [their.noticeId], 'in_app'),
    undefined,
  ],
  'notices.enqueue': [
    ({ notices }, my, their) =>
      notices.enqueue({
        tenantId: my.tenantId,
        userId: my.userId,
        push: {
          activityIds: [their.noticeId],
          deviceIds: [their.deviceId],
          pushesMax: 3,
          otherwise: 'over_limit',
          budget: 'ordinary',
          isDigest: false,
        },
        deliveries: [{ id: systemRandom.id('delivery'), deviceId: their.deviceId }],
        leasedBy: 'test',
      }),
    [],
  ],
  'notices.findPreferences': [
    ({ notices }, my, their) => notices.findPreferences(my.tenantId, their.userId),
    preferencesOf({}),
  ],
  'notices.changePreferences': [
    ({ notices }, my, their) => {
      const { userId } = their
      const event = activity({ userId, type: 'preferences_changed', actor: 'operator' })
      return notices.changePreferences(
        {
          tenantId: my.tenantId,
          userId,
          preferences: preferencesOf({ devices: 'in_app' }),
          activity: event,
        },
        aProof(my, my.deviceId),
      )
    },
    null,
  ],
  'diagnostics.find': [
    ({ diagnostics }, my, their) => diagnostics.find(my.tenantId, their.incidentId),
    null,
  ],
  'diagnostics.list': [
    async ({ diagnostics }, my, their) =>
      (await diagnostics.list(my.tenantId, page)).filter(({ id }) => id === their.incidentId),
    [],
  ],
  'reports.find': [({ reports }, my, their) => reports.find(my.tenantId, their.reportId), null],
  'reports.list': [
    async ({ reports }, my, their) =>
      (await reports.list(my.tenantId, 'open', page)).filter(({ id }) => id === their.reportId),
    [],
  ],
  'reports.resolve': [
    ({ reports }, my, their) => {
      const { tenantId } = my
      const resolution = { resolution: 'fraud', note: null, resolvedBy: 'operator' } as const
      const audit = { type: 'report_resolved', actor: 'operator', subject: their.reportId } as const
      return reports.resolve({ tenantId, id: their.reportId, ...resolution }, audit)
    },
    null,
  ],
  'reports.reportActivity': [
    async ({ reports, activities }, my, their) => {
      const [one] = await activities.list(their.tenantId, their.userId, page)
      const report = {
        tenantId: my.tenantId,
        id: systemRandom.id('report'),
        userId: their.userId,
        activityId: one?.id ?? systemRandom.id('activity'),
        challengeId: their.pending,
      }
      const by = { kind: 'device', deviceId: their.deviceId, proof: null } as const
      const more = {
        protection: freshProtection,
        initiator: { approvedAt: null, blockedUntil: new Date('2100-01-01') },
        activities: [],
      }
      return reports.reportActivity({ report, by, ...more })
    },
    { kind: 'reporter_gone' },
  ],
  'readinessCounts.listKinds': [
    // A tenant without devices.
    ({ readinessCounts }) => readinessCounts.listKinds(systemRandom.id('tenant')),
    [],
  ],
  'readinessCounts.groupUsers': [
    async ({ readinessCounts, users }, my) => {
      const groups = await readinessCounts.groupUsers(my.tenantId, ['default'], 100, [])
      const own = await users.list(my.tenantId, ['default'], { limit: 1_000, before: null })
      return groups.reduce((sum, group) => sum + group.users, 0) - own.length
    },
    0,
  ],
  'pushSignIn.find': [
    ({ pushSignIn }, my, their) => pushSignIn.find(my.tenantId, their.userId),
    null,
  ],
  'pushSignIn.set': [
    ({ pushSignIn }, my, their) => pushSignIn.set(my.tenantId, their.userId, 'off', 'operator'),
    'unchanged',
  ],
  'protections.find': [
    ({ protections }, my, their) => protections.find(my.tenantId, their.userId),
    null,
  ],
  'protections.change': [
    ({ protections }, my, their) =>
      protections.change(my.tenantId, their.userId, freshProtection, [], null),
    'changed',
  ],
  'protections.unlock': [
    ({ protections }, my, their) =>
      protections.unlock(my.tenantId, their.userId, freshProtection, []),
    'changed',
  ],
  'testPushes.enqueue': [
    ({ testPushes }, my, their) =>
      testPushes.enqueue({
        tenantId: my.tenantId,
        userId: their.userId,
        deviceId: their.deviceId,
        id: systemRandom.id('delivery'),
        protectionRevision: 0,
        gapSeconds: 0,
        perHourMax: 5,
        activity: activity({ userId: their.userId, type: 'test_pushed', actor: 'operator' }),
        leasedBy: 'test',
      }),
    { kind: 'changed' },
  ],
  'testPushes.enqueueWithProof': [
    ({ testPushes }, my, their) =>
      testPushes.enqueueWithProof(
        {
          tenantId: my.tenantId,
          userId: their.userId,
          deviceId: their.deviceId,
          id: systemRandom.id('delivery'),
          protectionRevision: 0,
          gapSeconds: 0,
          perHourMax: 5,
          activity: activity({ userId: their.userId, type: 'test_pushed', actor: 'operator' }),
          leasedBy: 'test',
        },
        aProof(my, my.deviceId),
      ),
    { kind: 'changed' },
  ],
  'testPushes.confirm': [
    ({ testPushes }, my, their) => testPushes.confirm(their.testPushId, aProof(my, my.deviceId)),
    null,
  ],
  'pushHistory.find': [
    ({ pushHistory }, my, their) => pushHistory.find(my.tenantId, their.deviceId, 10),
    null,
  ],
  'testPushes.findLast': [
    ({ testPushes }, my, their) => testPushes.findLast(my.tenantId, their.deviceId),
    null,
  ],
  'webhookEndpoints.list': [
    ({ webhookEndpoints }, my, their) => webhookEndpoints.list(my.tenantId, their.rpId),
    [],
  ],
  'webhookEndpoints.find': [
    ({ webhookEndpoints }, my, their) => webhookEndpoints.find(endpointOf(my, their)),
    null,
  ],
  'webhookEndpoints.change': [
    ({ webhookEndpoints }, my, their) =>
      webhookEndpoints.change(endpointOf(my, their), { status: 'paused' }, 'operator'),
    null,
  ],
  'webhookEndpoints.rotate': [
    ({ webhookEndpoints }, my, their) =>
      webhookEndpoints.rotate(endpointOf(my, their), randomBytes(60), 0, 'operator'),
    null,
  ],
  'webhookEndpoints.remove': [
    ({ webhookEndpoints }, my, their) => webhookEndpoints.remove(endpointOf(my, their), 'operator'),
    null,
  ],
  'webhookEndpoints.takeSlot': [
    ({ webhookEndpoints }, my, their) => webhookEndpoints.takeSlot(endpointOf(my, their), 10),
    { kind: 'not_active' },
  ],
  'webhookEndpoints.stop': [
    ({ webhookEndpoints }, my, their) =>
      webhookEndpoints.stop(
        { tenantId: my.tenantId, id: their.endpointId, url: 'https://rp.example/' },
        { status: 'disabled', reason: 'gone' },
      ),
    null,
  ],
  'webhookDeliveries.settle': [
    ({ webhookDeliveries }, my, their) =>
      webhookDeliveries.settle('test', [
        {
          tenantId: my.tenantId,
          endpointId: their.endpointId,
          eventId: their.eventId,
          attemptId: systemRandom.id('webhookAttempt'),
          at: new Date(),
          durationMs: 1,
          statusCode: 204,
          reason: null,
          retryAfterMs: null,
        },
      ]),
    undefined,
  ],
  'webhookDeliveries.listAttempts': [
    ({ webhookDeliveries }, my, their) =>
      webhookDeliveries.listAttempts(my.tenantId, their.endpointId, page),
    [],
  ],
  'webhookDeliveries.replay': [
    ({ webhookDeliveries }, my, their) =>
      webhookDeliveries.replay(my.tenantId, their.endpointId, { failedSince: new Date(0) }, 100),
    0,
  ],
}
