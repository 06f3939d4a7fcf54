import { useState } from 'preact/hooks'
import type { ActivityDetails, ActivityPage } from '../../../clients/device/src/device.ts'
import { fill } from '../../../src/platform/texts/fill.ts'
import { isolate } from '../words.ts'
import { Filled, Heading, Loaded, Note, Trouble } from './parts.tsx'
import { ReportSheet } from './report-sheet.tsx'
import { Hints } from './requests-screen.tsx'
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

/** Names of devices by their ids, as far as they can be told. */
type Names = ReadonlyMap<string, string>

/** The application and the device that an activity is about. */
function aboutOf({ deviceId, details }: ActivityDetails, names: Names) {
  const device = details.name ?? names.get(deviceId ?? '')
  return [details.application, device].filter((name) => name !== undefined).map(String)
}

/** Who did it, where that is not the device that it is about. */
function actorOf({ app, item, names }: ScreenProps & ItemProps): string | null {
  const { actors } = app.words.later
  const [kind = '', id = ''] = item.actor.split(':')
  if (kind !== 'device') return actors[kind as keyof typeof actors] ?? null
  if (id === item.deviceId) return null
  const name = names.get(id)
  return name === undefined ? actors.device : fill(actors.thatDevice, { device: isolate(name) })
}

/** The statement of a relying party, as its own. */
function Posted({ app, posted }: ScreenProps & { readonly posted: ActivityDetails['posted'] }) {
  if (posted === null) return null
  const { title, message, fields = [], relyingParty } = posted
  return (
    <>
      <p>
        <Filled text={app.words.texts.request.says} values={{ party: relyingParty.name }} />{' '}
        <bdi>{title}</bdi>
      </p>
      {message !== undefined && (
        <p>
          <bdi>{message}</bdi>
        </p>
      )}
      {fields.length > 0 && (
        <dl>
          {fields.map(({ label, value }) => (
            <>
              <dt>
                <bdi>{label}</bdi>
              </dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </>
          ))}
        </dl>
      )}
    </>
  )
}

type ItemProps = { readonly item: ActivityDetails; readonly names: Names }

function Item({ app, member, item, names }: MemberProps & ItemProps) {
  const { activity } = app.words.texts
  const [isReporting, setReporting] = useState(false)
  const [isReported, setReported] = useState(false)
  const { isBusy, trouble, begin } = useAction()
  const { id, type, posted, occurredAt } = item
  const title = (activity.types as Readonly<Record<string, string>>)[type] ?? type
  const report = () => {
    setReporting(false)
    begin(async () => {
      await member.client.reportActivity(id)
      setReported(true)
    })
  }
  const actor = actorOf({ app, item, names })
  return (
    <li class="card">
      <h3>{title}</h3>
      <p class="soft">
        {aboutOf(item, names).map((name) => (
          <>
            <bdi>{name}</bdi> ·{' '}
          </>
        ))}
        {actor !== null && `${actor} · `}
        <time dateTime={occurredAt}>{app.words.time(occurredAt)}</time>
      </p>
      <Posted app={app} posted={posted} />
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

type Named = { readonly id: string; readonly name: string }

/** An old name of a device is in its own activities, the newest first. */
function namesOf(items: readonly ActivityDetails[], devices: readonly Named[]): Names {
  const inItems = items.flatMap(({ deviceId, details: { name, to } }) => {
    const text = name ?? to
    return deviceId === null || text === undefined ? [] : [[deviceId, String(text)] as const]
  })
  const now = devices.map(({ id, name }) => [id, name] as const)
  return new Map([...inItems.toReversed(), ...now])
}

type Start = { readonly page: ActivityPage; readonly devices: readonly Named[] }

function List({ app, member, start: { page, devices } }: MemberProps & { readonly start: Start }) {
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
  const names = namesOf(items, devices)
  return (
    <>
      <ul class="cards">
        {items.map((item) => (
          <Item key={item.id} app={app} member={member} item={item} names={names} />
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

async function startOf({ client }: MemberProps['member']): Promise<Start> {
  const [page, devices] = await Promise.all([client.activities({ limit: 20 }), client.devices()])
  return { page, devices }
}

/** What happened to each account. */
export function ActivityScreen({ app }: ScreenProps) {
  const { activity } = app.words.texts
  const live = app.members.filter(({ isLive }) => isLive)
  return (
    <>
      <Heading>{activity.title}</Heading>
      {live.length === 0 && <Hints app={app} />}
      {live.map((member) => (
        <section key={member.id}>
          <h2>
            <bdi>{member.account.user.displayName}</bdi> · <bdi>{member.account.tenant.name}</bdi>
          </h2>
          <Loaded app={app} name={member.id} load={() => startOf(member)}>
            {(start) => <List app={app} member={member} start={start} />}
          </Loaded>
        </section>
      ))}
    </>
  )
}
