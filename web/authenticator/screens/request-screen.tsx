import { useEffect, useRef, useState } from 'preact/hooks'
import {
  DeviceApiError,
  type DeviceKeys,
  type PendingRequest,
} from '../../../clients/device/src/device.ts'
import type { Ending } from '../app.ts'
import { NumberField } from './number-field.tsx'
import { OfflineHint } from './offline-hint.tsx'
import { Filled, Heading, Note, Trouble } from './parts.tsx'
import { ReportSheet } from './report-sheet.tsx'
import { OneChannel, RequestFacts } from './request-facts.tsx'
import { type MemberProps, type ScreenProps, useAction, useClock } from './use.ts'

/** Whether the person can approve with the keys of this browser: its passkey verifies them. */
function mayApprove({ userVerification }: PendingRequest, keys: DeviceKeys): boolean {
  return userVerification !== 'required' || keys.passkey !== undefined
}

const endings: Readonly<Record<string, Ending>> = {
  challenge_ended: 'closed',
  challenge_expired: 'expired',
  not_found: 'closed',
}

/** The ending that an error means; null for one after which the person can go on. */
function endingOf(error: unknown): Ending | null {
  if (!(error instanceof DeviceApiError)) return null
  if (error.code === 'wrong_number' && error.facts.wrongNumbersLeft === 0) return 'mismatch'
  return endings[error.code] ?? null
}

/** Seconds as a clock shows them. */
const clockOf = (seconds: number) =>
  `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`

/** The time left: for the eye each second, for the ear twice. */
function TimeLeft({ app, seconds }: ScreenProps & { readonly seconds: number }) {
  const { request } = app.words.texts
  const announcement = seconds <= 15 ? 15 : seconds <= 60 ? 60 : null
  return (
    <p class="soft">
      <span aria-hidden="true">
        <Filled text={request.left} values={{ time: clockOf(seconds) }} />
      </span>
      <span role="status" class="heard">
        {announcement !== null && (
          <Filled text={request.leftSoon} values={{ seconds: String(announcement) }} />
        )}
      </span>
    </p>
  )
}

/** One request with everything that was signed about it, and the three answers. */
function Open({ app, member, request }: MemberProps & { readonly request: PendingRequest }) {
  const { request: texts } = app.words.texts
  const [number, setNumber] = useState('')
  const [fault, setFault] = useState<string | null>(null)
  const [isReporting, setReporting] = useState(false)
  const { isBusy, trouble, begin } = useAction()
  useClock()
  const seconds = Math.max(0, Math.ceil((request.expiresAt.getTime() - member.now()) / 1000))
  const end = (ending: Ending) => app.replace({ at: 'ending', ending, request })
  const isExpired = seconds === 0
  useEffect(() => {
    if (isExpired && !isBusy) end('expired')
  }, [isExpired, isBusy])

  const answer = (act: () => Promise<unknown>, ending: Ending) =>
    begin(async () => {
      setFault(null)
      app.answering = request.challengeId
      try {
        await act()
        end(ending)
        await app.check()
      } catch (error) {
        const digits = request.numberDigits ?? 0
        const over = endingOf(error)
        if (over !== null) return end(over)
        if (error instanceof RangeError) return setFault(app.words.count(texts.length, digits))
        if (error instanceof DeviceApiError && error.code === 'wrong_number') {
          setNumber('')
          return setFault(app.words.count(texts.wrong, Number(error.facts.wrongNumbersLeft)))
        }
        await member.notice(error)
        throw error
      } finally {
        app.answering = null
      }
    })
  const { client } = member
  const digits = request.numberDigits
  const approve = (event: Event) => {
    event.preventDefault()
    answer(() => client.approve(request, digits === null ? null : number), 'approved')
  }
  const deny = () => answer(() => client.deny(request), 'denied')
  const report = () => {
    setReporting(false)
    answer(() => client.report(request), 'reported')
  }
  const isTyped = digits === null || number.trim().length >= digits
  return (
    <>
      <Heading>
        <Filled text={texts.title} values={{ party: request.context.relyingParty }} />
      </Heading>
      <RequestFacts app={app} member={member} request={request} />
      <OneChannel app={app} request={request} />
      <div class="answers">
        <TimeLeft app={app} seconds={seconds} />
        {mayApprove(request, client.keys) ? (
          <form onSubmit={approve}>
            {digits !== null && (
              <NumberField
                app={app}
                label={texts.number}
                digits={digits}
                value={number}
                fault={fault}
                onInput={setNumber}
              />
            )}
            <button type="submit" class="wide" disabled={isBusy || !isTyped}>
              {isBusy ? texts.sending : texts.approve}
            </button>
          </form>
        ) : (
          <Note kind="warn">{texts.needsPasskey}</Note>
        )}
        <Trouble app={app} error={trouble} />
        {!navigator.onLine && <OfflineHint app={app} />}
        <div class="row">
          <button type="button" class="quiet" disabled={isBusy} onClick={deny}>
            {texts.deny}
          </button>
          <button type="button" class="danger" disabled={isBusy} onClick={() => setReporting(true)}>
            {texts.notMe}
          </button>
        </div>
      </div>
      {isReporting && (
        <ReportSheet app={app} onReport={report} onClose={() => setReporting(false)} />
      )}
    </>
  )
}

/** The request while it waits. One that is gone by then was answered elsewhere or is over. */
export function RequestScreen({
  app,
  member,
  challengeId,
}: MemberProps & { readonly challengeId: string }) {
  const newest = member.requests.find((one) => one.challengeId === challengeId)
  const firstReading = useRef(newest)
  firstReading.current ??= newest
  const request = firstReading.current
  const isGone = !newest && member.trouble === null && app.answering !== challengeId
  useEffect(() => {
    if (!request) app.home()
    else if (isGone && app.place.at === 'request') {
      const isOver = request.expiresAt.getTime() <= member.now() + 1000
      app.replace({ at: 'ending', ending: isOver ? 'expired' : 'closed', request })
    }
  }, [isGone])
  return request ? <Open app={app} member={member} request={request} /> : null
}
