// A phone for people who have none at hand: its screen is the terminal, and it finds challenges by
// polling.

import type { DeviceAccount } from '../../clients/device/src/account.ts'
import type { ApprovalRequest } from '../../clients/device/src/approval-request.ts'
import { DeviceApiError } from '../../clients/device/src/device-api-error.ts'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import type { App } from './push-token.ts'
import type { StoredPhone } from './stored-phone.ts'

/** The user at the terminal. */
export type Terminal = {
  say(line: string): void
  /** The input of the user, trimmed; null at the end of input. */
  ask(question: string): Promise<string | null>
}

export type PhoneDependencies = Terminal & {
  save(phone: StoredPhone): Promise<void>
  /** Resolves when it is time to poll again; with false at the end of input. */
  pause(): Promise<boolean>
}

/**
 * Joins the account behind the enrollment's address. Throws DeviceApiError, or an Error that
 * describes the fault of the address.
 */
export async function enroll(
  uri: string,
  { name, appId, push }: App & { readonly name: string },
  { save }: PhoneDependencies,
): Promise<StoredPhone> {
  const ticket = readEnrollmentUri(uri)
  if (!ticket) throw new Error('--uri takes the `uri` of an enrollment, in quotes')
  const keys = await createDeviceKeys({ verification: true, extractable: true })
  const device = {
    name,
    platform: push ? 'android' : 'other',
    model: 'Terminal',
    osVersion: '1',
    appVersion: '1',
  } as const
  const account = await claimEnrollment({ ticket, keys, appId, device, ...(push && { push }) })
  await save({ keys, account })
  return { keys, account }
}

/** Runs this phone until the user leaves; false when the service has unregistered it. */
export async function live(phone: StoredPhone, dependencies: PhoneDependencies): Promise<boolean> {
  const { say } = dependencies
  const keep = (account: DeviceAccount) => void dependencies.save({ ...phone, account })
  const client = new DeviceClient({ ...phone, onAccountChange: keep })
  const { user, tenant, origin } = client.account
  say(`This is a phone of ${user.displayName} (${tenant.name}) at ${origin}.`)
  try {
    if (!(await confirm(client, dependencies))) return true
    say('It looks for sign-ins every second. Ctrl-C ends it; it comes back without --uri.')
    await watch(client, dependencies)
    return true
  } catch (error) {
    if (!(error instanceof DeviceApiError)) throw error
    say(`${error.message} (${error.code})`)
    return false
  }
}

/** False at the end of input. */
async function confirm(client: DeviceClient, { say, ask }: PhoneDependencies): Promise<boolean> {
  while (client.account.status === 'unconfirmed') {
    const digits = client.account.confirmationDigits
    const number = await ask(`Type the ${digits} digits that the enrollment shows: `)
    if (number === null) return false
    try {
      await client.confirm(number)
      say('The phone is active.')
    } catch (error) {
      if (error instanceof RangeError) {
        say(`Not understood: ${error.message}.`)
        continue
      }
      if (!isWrongNumber(error)) throw error
      say(`That is not the number; ${String(error.facts.wrongNumbersLeft)} tries left.`)
    }
  }
  return true
}

async function watch(client: DeviceClient, dependencies: PhoneDependencies): Promise<void> {
  const unansweredIds = new Set<string>()
  let isAway = false
  for (;;) {
    const requests = await client.pending().then(
      ({ requests }) => requests,
      (error: unknown) => {
        if (!(error instanceof DeviceApiError && error.outcomeUnknown)) throw error
        if (!isAway) dependencies.say(error.message)
        isAway = true
        return null
      },
    )
    if (requests) isAway = false
    const request = requests?.find(({ challengeId }) => !unansweredIds.has(challengeId))
    const goesOn = request
      ? decide(client, request, unansweredIds, dependencies)
      : dependencies.pause()
    if (!(await goesOn)) return
  }
}

/** Shows a request and carries out the user's choice; false at the end of input. */
async function decide(
  client: DeviceClient,
  request: ApprovalRequest,
  unansweredIds: Set<string>,
  { say, ask }: PhoneDependencies,
): Promise<boolean> {
  show(request, say)
  const approval =
    request.numberDigits === null ? '"yes" approves' : 'the number on the sign-in page approves'
  const answer = await ask(`${approval}, "deny", "report" (not me), Enter leaves it: `)
  if (answer === null) return false
  try {
    if (answer === '') unansweredIds.add(request.challengeId)
    else if (answer === 'deny') say(`-> ${(await client.deny(request)).status}`)
    else if (answer === 'report') say(`-> ${(await client.report(request)).status}, and reported`)
    else say(`-> ${(await client.approve(request, answer === 'yes' ? null : answer)).status}`)
  } catch (error) {
    if (isWrongNumber(error)) {
      say(`That is not the number; ${String(error.facts.wrongNumbersLeft)} tries left.`)
    } else if (error instanceof DeviceApiError && error.status !== 401 && error.status !== 403) {
      const { currentStatus } = error.facts
      say(currentStatus === undefined ? error.message : `It is already ${String(currentStatus)}.`)
    } else if (error instanceof RangeError) {
      say(`Not understood: ${error.message}.`)
    } else throw error
  }
  return true
}

function isWrongNumber(error: unknown): error is DeviceApiError {
  return error instanceof DeviceApiError && error.code === 'wrong_number'
}

function show({ context, expiresAt }: ApprovalRequest, say: Terminal['say']): void {
  const { relyingParty, application, action, ip, location, userAgent, fields = [] } = context
  const place = [ip, location].filter((part) => part !== undefined).join(', ')
  say('')
  say(`${application ?? relyingParty} asks: ${action ?? 'Is this you?'}`)
  if (place !== '') say(`  from     ${place}`)
  if (userAgent !== undefined) say(`  browser  ${userAgent}`)
  for (const { label, value } of fields) say(`  ${label}: ${value}`)
  say(`  until    ${expiresAt.toLocaleTimeString()}`)
}
