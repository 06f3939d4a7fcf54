import { useState } from 'preact/hooks'
import type { PushDetails, PushReport } from '../../../clients/device/src/device.ts'
import type { Member } from '../member.ts'
import { type PushStanding, pushStanding } from '../pushes.ts'
import { Loaded, Note, Trouble } from './parts.tsx'
import { type MemberProps, type ScreenProps, useAction } from './use.ts'

const lookEveryMs = 1_000
const looksMax = 10

/** Whether a push arrives while somebody waits for it; each report is passed on. */
async function arrives(
  { client }: Member,
  id: string,
  onReport: (report: PushReport) => void,
): Promise<boolean> {
  for (let looks = 0; looks < looksMax; looks++) {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    const report = await client.pushes()
    onReport(report)
    const push = report.items.find((one) => one.id === id)
    if (push?.receivedAt) return true
    if (push?.status === 'failed' || push?.status === 'suppressed') return false
  }
  return false
}

function Push({ app, push }: ScreenProps & { readonly push: PushDetails }) {
  const { account: texts, alerts } = app.words.later
  const { status, queuedAt, receivedAt } = push
  return (
    <li>
      {app.words.time(queuedAt)}:{' '}
      {receivedAt === null ? texts.pushStatuses[status] : alerts.doctor.received}
    </li>
  )
}

function Report({
  app,
  member,
  standing,
  ...first
}: MemberProps & { readonly standing: PushStanding; readonly report: PushReport }) {
  const { account: texts, alerts } = app.words.later
  const { doctor } = alerts
  const [{ items, advice }, setReport] = useState(first.report)
  const [isArrived, setArrived] = useState<boolean | null>(null)
  const { isBusy, trouble, begin } = useAction()
  const test = () =>
    begin(async () => {
      setArrived(null)
      const { id } = await member.client.testPush()
      setArrived(await arrives(member, id, setReport))
    })
  const sentences: Readonly<Record<string, string>> = doctor.advice
  // Where notifications are off in this browser, the advice to turn them on says it once more.
  const useful = standing === 'on' ? advice.filter((one) => sentences[one] !== undefined) : []
  return (
    <>
      {standing !== 'on' && <Note>{alerts.standings[standing]}</Note>}
      {useful.map((one) => (
        <Note key={one} kind="warn">
          {sentences[one]}
        </Note>
      ))}
      {items.length === 0 ? (
        <p>{texts.noPush}</p>
      ) : (
        <ul>
          {items.map((push) => (
            <Push key={push.id} app={app} push={push} />
          ))}
        </ul>
      )}
      <div role="status">
        {isBusy && doctor.waiting}
        {isArrived === true && <Note kind="good">{doctor.arrived}</Note>}
        {isArrived === false && <Note kind="warn">{doctor.notArrived}</Note>}
      </div>
      <Trouble app={app} error={trouble} />
      {standing === 'on' && member.isLive && (
        <div class="row">
          <button type="button" class="quiet" disabled={isBusy} onClick={test}>
            {doctor.test}
          </button>
        </div>
      )}
    </>
  )
}

/** Whether notifications reach this browser for one account, why not, and a test. */
export function PushDoctor({ app, member }: MemberProps) {
  const { account: texts } = app.words.later
  const load = () => Promise.all([pushStanding(), member.client.pushes()])
  return (
    <section>
      <h2>{texts.pushes}</h2>
      <Loaded app={app} name={`pushes ${member.id}`} load={load}>
        {([standing, report]) => (
          <Report app={app} member={member} standing={standing} report={report} />
        )}
      </Loaded>
    </section>
  )
}
