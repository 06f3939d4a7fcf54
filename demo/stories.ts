// Courses of a sign-in, played by scripted phones against the running service.

import type { Decision } from '../clients/device/src/answer.ts'
import { DeviceApiError } from '../clients/device/src/device-api-error.ts'
import { type DecidedChallenge, RefusedCall } from '../clients/typescript/src/client.ts'
import type { PushLog } from '../simulator/push-log.ts'
import type { PushService } from '../simulator/push-service.ts'
import type { Provider } from '../simulator/pushes.ts'
import { createVirtualPhone, type VirtualPhone } from '../simulator/virtual-phone.ts'
import { appId } from './push-credentials.ts'
import type { Challenge, Question, RelyingParty } from './relying-party.ts'
import { createTimeline, type StoryTimeline } from './story-timeline.ts'

/** The name of the story and its environment. */
export type Stage = {
  readonly party: RelyingParty
  readonly pushes: PushService
  readonly pushLog: Pick<PushLog, 'acceptedPushes'>
}

export type Story = {
  readonly title: string
  /**
   * Plays it and returns a short text about its end; throws when anything differs from the
   * expectation.
   */
  readonly play: (stage: Stage, timeline: StoryTimeline) => Promise<string>
}

/** The stories, each with its own users and phones. */
export const stories: readonly Story[] = [
  { title: 'Approve: the number is typed on an iPhone', play: approve },
  { title: 'Deny: the phone says no', play: deny },
  { title: 'Wrong number, then the right one', play: wrongNumber },
  { title: 'Lost phone: unregistered, its later answer is refused', play: lostPhone },
  { title: "The caller's own number is typed", play: callerNumber },
  { title: 'Prompt bombing: unknown initiators go on, the phone stays silent', play: bombing },
  { title: 'A reload: the page is loaded again, and again', play: reload },
  { title: 'A Dutch phone: what it shows of ours is in Dutch', play: dutchPhone },
]

const gateways: Record<Provider, string> = { apns: 'APNs (simulated)', fcm: 'FCM (simulated)' }
const page = 'sign-in page'
const service = 'Countersign'

/** Compares the actual with the expected value. */
function expect(what: string, actual: unknown, expectedValue: unknown): void {
  if (actual === expectedValue) return
  throw new Error(`${what}: expected ${String(expectedValue)}, got ${String(actual)}`)
}

async function approve(stage: Stage, timeline: StoryTimeline): Promise<string> {
  const phone = await enroll(stage, timeline, { user: 'ada', name: "Ada's iPhone" })
  const challenge = await ask(stage, timeline, { user: 'ada' })
  await wake(stage, timeline, phone, challenge)
  await answer(timeline, phone, 'approve', challenge.number)
  return conclude(stage, timeline, challenge, { status: 'approved', reason: null })
}

async function deny(stage: Stage, timeline: StoryTimeline): Promise<string> {
  const phone = await enroll(stage, timeline, {
    user: 'bob',
    name: "Bob's Android",
    provider: 'fcm',
  })
  const challenge = await ask(stage, timeline, { user: 'bob' })
  await wake(stage, timeline, phone, challenge)
  await answer(timeline, phone, 'deny', null)
  return conclude(stage, timeline, challenge, { status: 'denied', reason: 'user_denied' })
}

async function wrongNumber(stage: Stage, timeline: StoryTimeline): Promise<string> {
  const phone = await enroll(stage, timeline, { user: 'cleo', name: "Cleo's iPhone" })
  const challenge = await ask(stage, timeline, { user: 'cleo' })
  await wake(stage, timeline, phone, challenge)
  const wrong = challenge.number === '000000' ? '000001' : '000000'
  const refusal = await refusalOf(phone.approve(wrong))
  expect('the wrong number', refusal.code, 'wrong_number')
  expect('attempts left', refusal.facts.wrongNumbersLeft, 2)
  timeline.note('phone', `typed ${wrong}: refused, 2 attempts left`)
  await answer(timeline, phone, 'approve', challenge.number)
  return conclude(stage, timeline, challenge, { status: 'approved', reason: null })
}

async function lostPhone(stage: Stage, timeline: StoryTimeline): Promise<string> {
  const keptPhone = await enroll(stage, timeline, { user: 'dora', name: "Dora's iPhone" })
  const missingPhone = await enroll(stage, timeline, {
    user: 'dora',
    name: "Dora's Android",
    provider: 'fcm',
  })
  const challenge = await ask(stage, timeline, { user: 'dora' })
  await Promise.all([
    wake(stage, timeline, keptPhone, challenge, 'iPhone'),
    wake(stage, timeline, missingPhone, challenge, 'lost phone'),
  ])
  await keptPhone.client.unregisterOther(missingPhone.client.account.deviceId)
  timeline.note('iPhone', 'unregistered the lost phone with its verification key')
  const refusal = await refusalOf(missingPhone.approve(challenge.number))
  expect("the lost phone's answer", refusal.code, 'device_unregistered')
  timeline.note('lost phone', `approved with the right number: refused, ${refusal.code}`)
  await answer(timeline, keptPhone, 'report', null, 'iPhone')
  return conclude(stage, timeline, challenge, { status: 'denied', reason: 'user_reported' })
}

async function callerNumber(stage: Stage, timeline: StoryTimeline): Promise<string> {
  const phone = await enroll(stage, timeline, {
    user: 'eve',
    name: "Eve's Android",
    provider: 'fcm',
  })
  const value = '27182818'
  const challenge = await ask(stage, timeline, { user: 'eve', number: { mode: 'caller', value } })
  await wake(stage, timeline, phone, challenge)
  await answer(timeline, phone, 'approve', value)
  return conclude(stage, timeline, challenge, { status: 'approved', reason: null })
}

/**
 * An attacker has the password and tries again and again; the owner signs in from the browser that
 * was approved before.
 */
async function bombing(stage: Stage, timeline: StoryTimeline): Promise<string> {
  const { party, pushLog } = stage
  const phone = await enroll(stage, timeline, { user: 'finn', name: "Finn's iPhone" })
  const initiator = { user: 'finn', browserId: randomId() }
  const earlier = createTimeline()
  const first = await ask(stage, earlier, initiator)
  await wake(stage, earlier, phone, first)
  await answer(earlier, phone, 'approve', first.number)
  await conclude(stage, earlier, first, { status: 'approved', reason: null })
  timeline.before('Finn signed in once from a browser, which is known since then')
  const before = pushLog.acceptedPushes(phone.pushToken).length

  timeline.begin()
  const modes: string[] = []
  for (let n = 1; n <= 20; n++) {
    const mode = await askAsStranger(party, 'finn')
    if (mode !== modes.at(-1)) timeline.note('attacker', `creates challenge ${n} of 20: ${mode}`)
    modes.push(mode)
  }
  expect('challenges that were pushed', modes.filter((mode) => mode === 'push').length, 1)
  expect('challenges that wait silently', modes.filter((mode) => mode === 'pull_only').length, 2)
  const tooManyCount = modes.filter((mode) => mode === 'too_many_pending').length
  expect('challenges that were refused', tooManyCount, 17)

  const challenge = await ask(stage, timeline, initiator, { begins: false })
  await wake(stage, timeline, phone, challenge)
  expect('pushes in all', pushLog.acceptedPushes(phone.pushToken).length - before, 2)
  timeline.note('phone', 'rang twice: once for 20 unknown initiators, once for its owner')
  await answer(timeline, phone, 'approve', challenge.number)
  return conclude(stage, timeline, challenge, { status: 'approved', reason: null })
}

/** The owner's page is loaded three times: one prompt, and the newest question is answered. */
async function reload(stage: Stage, timeline: StoryTimeline): Promise<string> {
  const phone = await enroll(stage, timeline, { user: 'hana', name: "Hana's iPhone" })
  const hana = { user: 'hana', browserId: randomId() }
  const earlier = createTimeline()
  const knownSignIn = await ask(stage, earlier, hana)
  await wake(stage, earlier, phone, knownSignIn)
  await answer(earlier, phone, 'approve', knownSignIn.number)
  await conclude(stage, earlier, knownSignIn, { status: 'approved', reason: null })
  timeline.before('Hana signed in once from a browser, which is known since then')
  const before = stage.pushLog.acceptedPushes(phone.pushToken).length

  const first = await ask(stage, timeline, hana)
  await wake(stage, timeline, phone, first)
  const second = await ask(stage, timeline, hana, { begins: false })
  await conclude(stage, timeline, first, { status: 'cancelled', reason: 'superseded' })
  const third = await ask(stage, timeline, hana, { begins: false })
  await conclude(stage, timeline, second, { status: 'cancelled', reason: 'superseded' })
  const { requests } = await phone.pending()
  expect('questions on the phone', requests.length, 1)
  expect('the question on the phone', requests[0]?.challengeId, third.id)
  const pushes = stage.pushLog.acceptedPushes(phone.pushToken).length - before
  expect('pushes in all', pushes, 1)
  timeline.note('phone', 'rang once, and shows the newest question alone')
  await answer(timeline, phone, 'approve', third.number)
  return conclude(stage, timeline, third, { status: 'approved', reason: null })
}

/** The person reads Dutch: the text of the notification, and the sentence of a refusal. */
async function dutchPhone(stage: Stage, timeline: StoryTimeline): Promise<string> {
  const who = { user: 'gijs', name: 'iPhone van Gijs', language: 'nl-BE' }
  const phone = await enroll(stage, timeline, who)
  const challenge = await ask(stage, timeline, { user: 'gijs' })
  await wake(stage, timeline, phone, challenge)
  const push = stage.pushLog.acceptedPushes(phone.pushToken).at(-1)
  const { aps } = (push?.provider === 'apns' ? push.payload : {}) as {
    readonly aps?: { readonly alert?: { readonly title?: string; readonly body?: string } }
  }
  const { title, body } = aps?.alert ?? {}
  expect('the title of the notification', title, 'Aanmelding')
  timeline.note('phone', `shows "${title}: ${body}" where the app has no text of its own`)
  const wrong = challenge.number === '000000' ? '000001' : '000000'
  const refusal = await refusalOf(phone.approve(wrong))
  expect('the code of the refusal', refusal.code, 'wrong_number')
  expect('its sentence', refusal.title, 'Het getal klopt niet.')
  timeline.note('phone', `typed ${wrong}: "${refusal.title}"`)
  await answer(timeline, phone, 'approve', challenge.number)
  return conclude(stage, timeline, challenge, { status: 'approved', reason: null })
}

/** What becomes of a challenge from an unknown browser: pushed, silent or refused. */
async function askAsStranger(party: RelyingParty, user: string): Promise<string> {
  const context = { application: 'Staff portal', action: 'Sign in', ip: '203.0.113.9' }
  const initiator = { browserId: randomId() }
  try {
    return (await party.ask({ user, context, binding: randomId(), initiator })).deliveryMode
  } catch (error) {
    if (error instanceof RefusedCall) return error.code
    throw error
  }
}

function randomId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
}

type Newcomer = {
  readonly user: string
  readonly name: string
  readonly provider?: Provider
  readonly language?: string
}

/** Enrolls a phone as a user does: scan the code, type the number of the page. */
async function enroll(
  { party, pushes }: Stage,
  timeline: StoryTimeline,
  { user, name, provider = 'apns', ...more }: Newcomer,
): Promise<VirtualPhone> {
  const phone = await createVirtualPhone({ pushes, provider, appId, name, ...more })
  const enrollment = await party.openEnrollment(user)
  await phone.enroll(enrollment.uri)
  const { status, number } = await party.readEnrollment(enrollment.id)
  expect('the enrollment', status, 'claimed')
  await phone.confirm(number ?? '')
  expect(
    'the confirmed enrollment',
    (await party.readEnrollment(enrollment.id)).status,
    'completed',
  )
  timeline.before(`${name} was enrolled: code scanned, number typed`)
  return phone
}

/** A pending challenge, with the number to show. */
type PendingSignIn = {
  readonly id: string
  readonly userId: string
  readonly number: string
  readonly binding: string
  readonly ending: Promise<{ readonly challenge: DecidedChallenge; readonly at: number }>
}

/** Creates a challenge as the sign-in page does, and starts to wait for its end. */
async function ask(
  { party }: Stage,
  timeline: StoryTimeline,
  {
    browserId = randomId(),
    ...question
  }: Pick<Question, 'user' | 'number'> & { browserId?: string },
  { begins = true }: { readonly begins?: boolean } = {},
): Promise<PendingSignIn> {
  const binding = randomId()
  const context = { application: 'Staff portal', action: 'Sign in', ip: '192.0.2.44' }
  if (begins) timeline.begin()
  timeline.note(page, `asks Countersign whether this is ${question.user}`)
  const creation = await party.ask({ ...question, context, binding, initiator: { browserId } })
  const number = question.number?.mode === 'caller' ? question.number.value : creation.number
  if (number === null) throw new Error('the challenge came without a number')
  timeline.note(service, `created ${creation.id}`, Date.parse(creation.createdAt))
  timeline.note(page, `shows the number ${number}`)
  const ending = party
    .waitForDecision(creation.id)
    .then((challenge) => ({ challenge, at: Date.now() }))
  // The first failure is reported; this promise may then stay unhandled.
  ending.catch(() => undefined)
  return { id: creation.id, userId: creation.userId, number, binding, ending }
}

/** The push arrives and the phone fetches the request. */
async function wake(
  { pushLog }: Stage,
  timeline: StoryTimeline,
  phone: VirtualPhone,
  { id }: PendingSignIn,
  who = 'phone',
): Promise<void> {
  const { push } = await phone.nextPush(id)
  const pushes = pushLog
    .acceptedPushes(phone.pushToken)
    .find(({ sequence }) => sequence === push.sequence)
  timeline.note(gateways[push.provider], 'accepted the push', pushes?.at ?? push.at)
  const { requests, refusedRequests } = await phone.pending()
  expect('requests that the phone refused', refusedRequests.length, 0)
  expect('the request that the phone fetched', requests[0]?.challengeId, id)
  timeline.note(who, 'woke up, fetched and verified the request')
}

async function answer(
  timeline: StoryTimeline,
  phone: VirtualPhone,
  decision: Decision,
  number: string | null,
  who = 'phone',
): Promise<void> {
  const reply = decision === 'approve' ? await phone.approve(number) : await phone[decision]()
  timeline.note(who, `posted its signed answer (${decision}): ${reply.status}`)
}

/** The long poll returns; the page trusts only the verified result token. */
async function conclude(
  { party }: Stage,
  timeline: StoryTimeline,
  { id, userId, binding, ending: endedChallenge }: PendingSignIn,
  expectedEnd: Pick<Challenge, 'status' | 'reason'>,
): Promise<string> {
  const { challenge, at } = await endedChallenge
  timeline.note(page, `long poll returned: ${challenge.status}`, at)
  expect('the outcome', challenge.status, expectedEnd.status)
  expect('the reason', challenge.reason, expectedEnd.reason)
  const result = await party.verifyResult(challenge.result, { challengeId: id, userId, binding })
  expect('the decision in the result token', result.decision, expectedEnd.status)
  timeline.note(page, 'verified the result token')
  return expectedEnd.reason ?? expectedEnd.status
}

async function refusalOf(call: Promise<unknown>): Promise<DeviceApiError> {
  const outcome = await call.catch((error: unknown) => error)
  if (outcome instanceof DeviceApiError) return outcome
  throw outcome instanceof Error ? outcome : new Error('the call was not refused')
}
