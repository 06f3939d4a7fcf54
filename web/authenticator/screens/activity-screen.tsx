import { useState } from 'preact/hooks'
import type { ActivityDetails, ActivityPage } from '../../../clients/device/src/device.ts'
import { Heading, Loaded, Note, Trouble } from './parts.tsx'
import { ReportSheet } from './report-sheet.tsx'
import { type MemberProps, type ScreenProps, useAction } from './use.ts'

/** What a person may not have done although it happened in their name. */
const reportable: readonly string[] = [
  'challenge_created',
  'challenge_approved',
  'device_added',
  'passcode_used',
  'recovery_code_used',
  'temporary_code_used',
  'portal_opened',
  'posted',
]

function Item({ app, member, item }: MemberProps & { readonly item: ActivityDetails }) {
  const { activity } = app.words.texts
  const [isReporting, setReporting] = useState(false)
  const [isReported, setReported] = useState(false)
  const { isBusy, trouble, begin } = useAction()
  const { id, type, details, occurredAt } = item
  const title = (activity.types as Readonly<Record<string, string>>)[type] ?? type
  const report = () => {
    setReporting(false)
    begin(async () => {
      await member.client.reportActivity(id)
      setReported(true)
    })
  }
  const name = details.name ?? details.application ?? details.title
  return (
    <li class="card">
      <h3>{title}</h3>
      <p class="soft">
        {name !== undefined && (
          <>
            <bdi>{String(name)}</bdi> ·{' '}
          </>
        )}
        <time dateTime={occurredAt}>{app.words.time(occurredAt)}</time>
      </p>
      <Trouble app={app} error={trouble} />
      <div role="status">{isReported && <Note kind="good">{activity.reported}</Note>}</div>
      {reportable.includes(type) && !isReported && (
        <button type="button" class="quiet" disabled={isBusy} onClick={() => setReporting(true)}>
          {activity.notMe}
        </button>
      )}
      {isReporting && (
        <ReportSheet
          app={app}
          title={activity.reportTitle}
          onReport={report}
          onClose={() => setReporting(false)}
        />
      )}
    </li>
  )
}

function List({ app, member, page }: MemberProps & { readonly page: ActivityPage }) {
  const { activity } = app.words.texts
  const [items, setItems] = useState(page.items)
  const [cursor, setCursor] = useState(page.nextCursor)
  const { isBusy, trouble, begin } = useAction()
  const more = () =>
    begin(async () => {
      const next = await member.client.activities({ cursor: cursor ?? '', limit: 20 })
      setItems([...items, ...next.items])
      setCursor(next.nextCursor)
    })
  if (items.length === 0) return <p>{activity.none}</p>
  return (
    <>
      <ul class="cards">
        {items.map((item) => (
          <Item key={item.id} app={app} member={member} item={item} />
        ))}
      </ul>
      <Trouble app={app} error={trouble} />
      {cursor !== null && (
        <button type="button" class="quiet" disabled={isBusy} onClick={more}>
          {activity.more}
        </button>
      )}
    </>
  )
}

/** What happened to each account. */
export function ActivityScreen({ app }: ScreenProps) {
  const { activity } = app.words.texts
  const live = app.members.filter(({ isLive }) => isLive)
  return (
    <>
      <Heading>{activity.title}</Heading>
      {live.length === 0 && <p>{activity.none}</p>}
      {live.map((member) => (
        <section key={member.id}>
          <h2>
            <bdi>{member.account.user.displayName}</bdi> · <bdi>{member.account.tenant.name}</bdi>
          </h2>
          <Loaded app={app} name={member.id} load={() => member.client.activities({ limit: 20 })}>
            {(page) => <List app={app} member={member} page={page} />}
          </Loaded>
        </section>
      ))}
    </>
  )
}
