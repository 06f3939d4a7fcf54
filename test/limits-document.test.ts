// Checks the figures of docs/limits.md against the code.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  displayNameLengthMax,
  helpLineLengthMax,
  helpLinesMax,
  logoBytesMax,
  logoSideMax,
} from '../src/domain/branding.ts'
import {
  clockToleranceSeconds,
  connectionTestSecondsMax,
  connectionTestsPerMinute,
} from '../src/domain/connection-test.ts'
import { unfinishedAnswersMax } from '../src/domain/door.ts'
import { confirmationAttemptsMax } from '../src/domain/enrollment.ts'
import { windowMinutesMax } from '../src/domain/enrollment-window.ts'
import { hintAgeMaxSeconds, hintToleranceSeconds } from '../src/domain/entra.ts'
import { keyRotationsMax, rotationWindowSeconds } from '../src/domain/key-rotation.ts'
import { languageTagLengthMax } from '../src/domain/language.ts'
import { criticalPushesPerHourMax, digestIntervalSeconds } from '../src/domain/notice.ts'
import { publishedBeforeSeconds } from '../src/domain/oidc-key.ts'
import { stateLengthMax } from '../src/domain/oidc-request.ts'
import { temporaryCodeSeconds } from '../src/domain/passcode.ts'
import { passcodeBudgets } from '../src/domain/passcode-budget.ts'
import { challengeTtlBoundsSeconds } from '../src/domain/policy.ts'
import { type PolicyRule, policyRules } from '../src/domain/policy-rules.ts'
import { erasureRequestGapSeconds, stepUpSeconds } from '../src/domain/portal.ts'
import {
  portalDeviceAgeSeconds,
  portalGraceSeconds,
  portalWaitSeconds,
} from '../src/domain/portal-sign-in.ts'
import { answerSeconds, promptSeconds, roundsMax } from '../src/domain/prompt.ts'
import { pauseDaysMax } from '../src/domain/protection.ts'
import { pushFailures, pushSuppressions } from '../src/domain/push.ts'
import {
  clockNotableSeconds,
  providerFailureSeconds,
  providerFailuresMin,
  pushAdvices,
  pushesShownMax,
  receiptWaitSeconds,
  tokenFreshDays,
  unreceivedPushesMin,
} from '../src/domain/push-advice.ts'
import { diagnosticsPerHourMax, leftoverDays } from '../src/domain/retention.ts'
import { returnOriginsMax, returnUrlLengthMax } from '../src/domain/return-url.ts'
import { shownNumberSeconds } from '../src/domain/shown-number.ts'
import { supersedingIdLengthMin } from '../src/domain/superseding.ts'
import { testPushesPerHourMax, testPushGapSeconds } from '../src/domain/test-push.ts'
import {
  endpointsMax,
  failingDaysMax,
  requestsPerMinuteMax,
} from '../src/domain/webhook-endpoint.ts'
import { recentAddressesMax, recentAddressTtlMs } from '../src/platform/http/admission.ts'
import { defaultServerLimits } from '../src/platform/http/server-limits.ts'
import type { FairQueueLimits } from '../src/platform/net/bounded-fair-queue.ts'
import { connectionQueueLimits } from '../src/platform/postgres/connection-shares.ts'
import { unsignedRequestsPerMinute } from '../src/prompts/oidc/authorize.routes.ts'
import { oidcFormBytesMax } from '../src/prompts/oidc/oidc.routes.ts'
import { pushedSeconds } from '../src/prompts/oidc/push-request.ts'
import { pageAnswerMs } from '../src/prompts/page/prompt-call.http.ts'
import { codeAnswerMs } from '../src/prompts/page/prompt-code.routes.ts'
import { reservedOf } from '../src/service/open-database.ts'
import {
  deviceQueueLimits,
  devicesShare,
  passcodeQueueLimits,
  passcodesShare,
  promptQueueLimits,
  promptsShare,
  tokenQueueLimits,
  unauthenticatedQueueLimits,
  unauthenticatedShare,
  userQueueLimits,
} from '../src/service/open-fair-queues.ts'
import { replaysMax } from '../src/webhooks/webhook-endpoints.ts'

const document = readFileSync(path.resolve(import.meta.dirname, '../docs/limits.md'), 'utf8')
const rows = (document.match(/^\|.+\|$/gm) ?? []).map((line) =>
  line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim()),
)
const numberOf = (text = '') => Number(text.replaceAll(',', ''))

/** Figure and bounds of the rows that name the field. */
function figuresOf(field: string) {
  const matches = rows.filter((cells) =>
    cells.some((cell, at) => at > 1 && cell.startsWith(`\`${field}\``)),
  )
  return matches.flatMap(([, figure = '']) => {
    const match = /^([\d,]+)[^(]*\(([\d,]+) to ([\d,]+)\)/.exec(figure)
    return match ? [match.slice(1).map(numberOf)] : []
  })
}

const integers = Object.entries<PolicyRule>(policyRules).flatMap(([field, rule]) =>
  rule.kind === 'integer' ? [[field, [rule.default, rule.min, rule.max]] as const] : [],
)

describe('docs/limits.md has the figure and the bounds of the policy', () => {
  test.each(integers)('%s', (field, figures) => {
    expect(figuresOf(field)).toEqual([figures])
  })
})

test('docs/limits.md names no field that the policy does not have', () => {
  const fields = rows.flatMap((cells) => {
    const [, field] = /^`([a-z]+[A-Z]\w*)`/.exec(cells[2] ?? '') ?? []
    return field ? [field] : []
  })
  expect(fields.length).toBeGreaterThan(20)
  // Each call sets the lifetime of a temporary code.
  const knownFields = [...Object.keys(policyRules), 'ttlSeconds']
  expect(fields.filter((field) => !knownFields.includes(field))).toEqual([])
})

const figureOf = (what: string) =>
  numberOf(/[\d,]+/.exec(rows.find(([name]) => name === what)?.[1] ?? '')?.[0])

test('docs/limits.md has the figures of the hosted prompt', () => {
  const figures: readonly (readonly [string, number])[] = [
    ["a prompt, from the client's request to its answer", promptSeconds / 60],
    ['numbers that it shows', roundsMax],
    ['answer of a prompt, for the browser that loads it again; code of a client', answerSeconds],
    ["age of Entra's hint, either way", hintAgeMaxSeconds / 60],
    ['tolerance between the times in a hint', hintToleranceSeconds],
    [
      'prompts that requests which nobody signed open for one network, in one process',
      unsignedRequestsPerMinute,
    ],
    ['pushed request', pushedSeconds],
    ['`state`', stateLengthMax],
    ['form of a client', oidcFormBytesMax / 1024],
    ['new keys of ID tokens are published before they sign', publishedBeforeSeconds / 86_400],
    ['a test of an integration', connectionTestSecondsMax],
    ['tests of one tenant in a minute, in one process', connectionTestsPerMinute],
    ['difference to another clock', clockToleranceSeconds],
    [
      'prompts, requests that clients pushed and assertions that they used, after their end',
      leftoverDays.prompts,
    ],
  ]
  expect(figures.map(([what]) => figureOf(what))).toEqual(figures.map(([, figure]) => figure))
})

test('docs/limits.md has the figures that no policy changes', () => {
  const { min, usual, max } = temporaryCodeSeconds
  expect(figureOf('characters of the browser id for that')).toBe(supersedingIdLengthMin)
  const { min: ttlMin } = challengeTtlBoundsSeconds
  expect(figureOf('time that is left of the ten minutes for that')).toBe(ttlMin)
  expect(figureOf('a window in which a user may enroll a first device alone')).toBe(
    windowMinutesMax,
  )
  expect(figureOf('a logo, PNG or JPEG')).toBe(logoBytesMax)
  expect(figureOf('its width, and its height')).toBe(logoSideMax)
  expect(figureOf('name on the pages')).toBe(displayNameLengthMax)
  expect(figureOf('lines of help')).toBe(helpLinesMax)
  expect(figureOf('a line of help')).toBe(helpLineLengthMax)
  expect(figureOf('pause that a user asks for')).toBe(pauseDaysMax)
  const steppedUp = 'time that a link just opened, or a code just typed, counts for what takes more'
  expect(figureOf(steppedUp)).toBe(stepUpSeconds)
  const waits = [
    'time that a browser waits for an approval on a device',
    'time after that in which an approval still opens a session',
    'time that a device must have been active to be asked',
  ]
  const portalSeconds = [portalWaitSeconds, portalGraceSeconds, portalDeviceAgeSeconds]
  expect(waits.map(figureOf)).toEqual(portalSeconds)
  const erasure = 'time in which one request for erasure stands'
  expect(figureOf(erasure)).toBe(erasureRequestGapSeconds)
  expect(figureOf('unfinished answers about one challenge')).toBe(unfinishedAnswersMax)
  expect(figureOf('time that a shown number waits for its challenge')).toBe(shownNumberSeconds)
  expect(figureOf('diagnostics of a device within any hour')).toBe(diagnosticsPerHourMax)
  const rotations = `rotations of a device's keys within any ${rotationWindowSeconds / 3600} hours`
  expect(figureOf(rotations)).toBe(keyRotationsMax)
  expect(figureOf('time between two test pushes to a device')).toBe(testPushGapSeconds)
  expect(figureOf('test pushes to a device within any hour')).toBe(testPushesPerHourMax)
  const critical = [
    'pushes about what a relying party calls critical in an hour, each relying party',
    'pushes about what we call critical (a new device, a report, a lock) in an hour',
  ]
  expect(critical.map(figureOf)).toEqual([criticalPushesPerHourMax, criticalPushesPerHourMax])
  expect(figureOf('time between two digest pushes')).toBe(digestIntervalSeconds)
  expect(figureOf('tag of a language')).toBe(languageTagLengthMax)
  expect(figureOf('wrong numbers on the new device')).toBe(confirmationAttemptsMax)
  expect(rows.find(([name]) => name === 'temporary code')?.[1]).toContain(
    `${usual / 3600} hour (${min / 60} minutes to ${max / 3600} hours)`,
  )
  expect(figureOf('endpoints of a relying party')).toBe(endpointsMax)
  expect(figureOf('days of failures only')).toBe(failingDaysMax)
  expect(figureOf('events that one call replays')).toBe(replaysMax)
  expect(figureOf('tests and replays of an endpoint within any minute')).toBe(requestsPerMinuteMax)
})

test('docs/limits.md has the figures of the push doctor and of links', () => {
  const figureOf = (what: string) => rows.find(([name]) => name === what)?.[1]
  const { behind, ahead } = clockNotableSeconds
  expect(figureOf('pushes that are shown')).toBe(`${pushesShownMax}`)
  expect(figureOf('time that a receipt may take')).toBe(
    `${receiptWaitSeconds} s after the provider accepted the push`,
  )
  expect(figureOf('prompts without a receipt, from which on none seems to arrive')).toBe(
    `${unreceivedPushesMin}`,
  )
  expect(figureOf('age of a token that may be stale')).toBe(
    `${tokenFreshDays} days since the app last registered it`,
  )
  expect(figureOf('consecutive pushes that a provider did not take')).toBe(`${providerFailuresMin}`)
  expect(figureOf('time for which that counts')).toBe(
    `${providerFailureSeconds / 3600} hour since the newer one was queued`,
  )
  expect(figureOf('clock that is notable')).toBe(`${behind} s behind or ${ahead} s ahead`)
  expect(figureOf('return origins of a relying party')).toBe(`${returnOriginsMax}`)
  expect(numberOf(figureOf('length of a return URL')?.split(' ')[0])).toBe(returnUrlLengthMax)
})

test('docs/limits.md explains each advice and each reason of the push doctor', () => {
  const [, section = ''] = document.split('## Push doctor\n')
  const [text = ''] = section.split('\n## ')
  const firstCells = [...text.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell = '']) => cell)
  const words = firstCells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, word]) => word))
  expect(words).toEqual([...pushAdvices, ...pushFailures, ...pushSuppressions])
})

test('docs/limits.md has the figures of the server', () => {
  const { bodyBytesMax, headerBytesMax, discardedBytesMax } = defaultServerLimits
  const { headersTimeoutMs, requestTimeoutMs, discardingMs } = defaultServerLimits
  const { exportMs, exportIdleMs } = defaultServerLimits
  const figureOf = (what: string) => rows.find(([name]) => name === what)?.[1]
  const seconds = (ms: number) => `${ms / 1000} s`
  expect(figureOf('time in which the headers of a request arrive')).toBe(seconds(headersTimeoutMs))
  expect(figureOf('time in which a whole request arrives')).toBe(seconds(requestTimeoutMs))
  expect(figureOf('headers of a request')).toBe(`${headerBytesMax / 1024} KiB`)
  expect(figureOf('body of a request')).toBe(`${bodyBytesMax / 1024} KiB`)
  expect(figureOf('drained bytes of a request that is refused early')).toBe(
    `${discardedBytesMax / 1024 ** 2} MiB`,
  )
  expect(figureOf('time that draining may take')).toBe(seconds(discardingMs))
  expect(figureOf('time in which an export of a user is read')).toBe(seconds(exportMs))
  expect(figureOf('time between two reads of it')).toBe(seconds(exportIdleMs))
  expect(figureOf('requests of one connection that run concurrently')).toBe(
    `${defaultServerLimits.pipelinedUnderWayMax}`,
  )
  expect(figureOf('requests that wait behind them')).toBe(
    `${defaultServerLimits.pipelinedWaitingMax}`,
  )
  expect(figureOf('time in which a client reads nothing')).toBe(
    seconds(defaultServerLimits.unreadMs),
  )
})

test('docs/limits.md has the times of the answers at a prompt', () => {
  expect(document).toContain(`comes ${codeAnswerMs} ms after it was sent`)
  expect(document.replaceAll('\n', ' ')).toContain(
    `answer of its pages comes ${pageAnswerMs} ms after the request`,
  )
})

test('docs/limits.md says who waits for whom', () => {
  const figureOf = (what: string) => rows.find(([name]) => name?.endsWith(what))?.[1] ?? ''
  const figures = (what: string) => (figureOf(what).match(/[\d,.]+/g) ?? []).map(numberOf)
  const waiting = ({ waiting: all, waitingInLine: line }: FairQueueLimits) => [all, line]
  expect(figureOf('counts as recently authenticated')).toBe(`${recentAddressTtlMs / 1000} s`)
  expect(figures('recently authenticated addresses')).toEqual([recentAddressesMax])
  const sharesOf = (connections: number) =>
    Math.floor((connections - reservedOf(connections)) * unauthenticatedShare)
  const counts = Array.from({ length: 100 }, (_, at) => at + 4)
  const least = counts.find((count) => sharesOf(count) >= unauthenticatedQueueLimits.running)
  expect(figures('integrations for unauthenticated clients, running')).toEqual([
    unauthenticatedQueueLimits.running,
    unauthenticatedQueueLimits.runningInLine,
    1,
    least,
  ])
  expect(figures('of them waiting')).toEqual(waiting(unauthenticatedQueueLimits))
  expect(devicesShare).toBe(1 / 2)
  expect(figures('other addresses, running')).toEqual([deviceQueueLimits.runningInLine])
  expect(figures('of those waiting')).toEqual(waiting(deviceQueueLimits))
  expect(figures('being verified')).toEqual([
    tokenQueueLimits.running,
    tokenQueueLimits.runningInLine,
  ])
  expect(figures('of those tokens waiting')).toEqual(waiting(tokenQueueLimits))
  expect(figures('the row of one user, running')).toEqual([userQueueLimits.running])
  expect(figures('of that waiting')).toEqual(waiting(userQueueLimits))
  expect(passcodesShare).toBe(1 / 2)
  expect(figures('passcodes that are being checked')).toEqual([passcodeQueueLimits.runningInLine])
  expect(figures('of those passcodes waiting')).toEqual(waiting(passcodeQueueLimits))
  expect(figures('passcodes of one user before them')).toEqual(waiting(userQueueLimits))
  expect(promptsShare).toBe(1 / 4)
  expect(figures('asked, after their page was sent')).toEqual([promptQueueLimits.runningInLine])
  const { waitMs } = promptQueueLimits
  expect(figures('of those questions waiting, and for how long')).toEqual([
    ...waiting(promptQueueLimits),
    waitMs / 1000,
  ])
  expect(figures('that wait, of all shares and of one')).toEqual([
    connectionQueueLimits.waiting,
    connectionQueueLimits.waitingInLine,
  ])
  expect(figures('client, device or token')).toEqual([
    unauthenticatedQueueLimits.refusalMs / 1000,
    unauthenticatedQueueLimits.refusals,
  ])
  expect(figureOf('longest time that any of these waits')).toBe(
    `${unauthenticatedQueueLimits.waitMs / 1000} s`,
  )
})

test('docs/limits.md has the yearly odds of guessing passcodes, for one device and all', () => {
  const { burst, refillSeconds } = passcodeBudgets.strangers
  const guesses = burst + Math.floor((365 * 86_400) / refillSeconds)
  expect(document).toContain(`${guesses.toLocaleString('en')} guesses a year`)
  const percent = (digits: number, devices: number) => (100 * guesses * 3 * devices) / 10 ** digits
  const devices = policyRules.devicesPerUserMax.default
  expect(document).toContain(`${percent(6, 1)} % with six digits`)
  expect(document).toContain(`${percent(8, 1).toFixed(4)} % with eight`)
  expect(document).toContain(`${percent(6, devices)} % a year with six digits`)
  expect(document).toContain(`${percent(8, devices).toFixed(4)} % with eight.`)
})
