import { useState } from 'preact/hooks'
import type { NotificationPreferences } from '../../../clients/device/src/device.ts'
import { fill } from '../../../src/platform/texts/fill.ts'
import { Field, Loaded, Note, Trouble } from './parts.tsx'
import { type MemberProps, useAction } from './use.ts'

type Category = keyof NotificationPreferences

/** Of each category, as the service takes them. */
const channels = {
  security: ['push', 'in_app'],
  devices: ['push', 'in_app'],
  sign_in: ['in_app', 'off'],
  relying_party: ['push', 'in_app', 'off'],
} as const satisfies { [Name in Category]: readonly NotificationPreferences[Name][] }
const categories = Object.keys(channels) as Category[]

type PreferencesProps = MemberProps & { readonly preferences: NotificationPreferences }

function PreferenceList({ app, preferences }: Omit<PreferencesProps, 'member'>) {
  const { account: texts } = app.words.later
  return (
    <dl class="card">
      {categories.map((category) => (
        <>
          <dt>{texts.categories[category]}</dt>
          <dd>{texts.ways[preferences[category]]}</dd>
        </>
      ))}
    </dl>
  )
}

function PreferenceForm({ app, member, preferences }: PreferencesProps) {
  const { account: texts } = app.words.later
  const [choice, setChoice] = useState(preferences)
  const [isDone, setDone] = useState(false)
  const { isBusy, trouble, begin } = useAction()
  const choose = (category: Category, channel: string) => {
    setDone(false)
    setChoice({ ...choice, [category]: channel })
  }
  const save = (event: Event) => {
    event.preventDefault()
    setDone(false)
    begin(async () => {
      setChoice(await member.client.setNotificationPreferences(choice))
      setDone(true)
    })
  }
  return (
    <form class="card" onSubmit={save}>
      {categories.map((category) => (
        <Field key={category} label={texts.categories[category]}>
          {(attributes) => (
            <select
              {...attributes}
              value={choice[category]}
              onChange={({ currentTarget }) => choose(category, currentTarget.value)}
            >
              {channels[category].map((channel) => (
                <option key={channel} value={channel}>
                  {texts.ways[channel]}
                </option>
              ))}
            </select>
          )}
        </Field>
      ))}
      <Trouble app={app} error={trouble} />
      <div role="status">{isDone && <Note kind="good">{texts.saved}</Note>}</div>
      <button type="submit" class="quiet" disabled={isBusy}>
        {texts.save}
      </button>
    </form>
  )
}

const hourMs = 3_600_000
/** Within what the service takes: 30 days. */
const pauses = { hour: 1, workday: 8, day: 24, week: 168 } as const
type Pause = keyof typeof pauses

function PauseForm({
  app,
  member,
  until,
  again,
}: MemberProps & { readonly until: string | null; readonly again: () => void }) {
  const { pause: texts } = app.words.later.account
  const [length, setLength] = useState<Pause>('hour')
  const { isBusy, trouble, begin } = useAction()
  const set = (end: Date | null) =>
    begin(async () => {
      await member.client.pausePushes(end)
      again()
    })
  const pause = (event: Event) => {
    event.preventDefault()
    set(new Date(member.now() + pauses[length] * hourMs))
  }
  if (until !== null) {
    return (
      <>
        <Trouble app={app} error={trouble} />
        <button type="button" class="quiet" disabled={isBusy} onClick={() => set(null)}>
          {texts.resume}
        </button>
      </>
    )
  }
  return (
    <form class="card" onSubmit={pause}>
      <Field label={texts.label} hint={texts.what}>
        {(attributes) => (
          <select
            {...attributes}
            value={length}
            onChange={({ currentTarget }) => setLength(currentTarget.value as Pause)}
          >
            {(Object.keys(pauses) as Pause[]).map((name) => (
              <option key={name} value={name}>
                {texts.lengths[name]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Trouble app={app} error={trouble} />
      <button type="submit" class="quiet" disabled={isBusy}>
        {texts.go}
      </button>
    </form>
  )
}

function Pausing({ app, member }: MemberProps) {
  const { account: texts } = app.words.later
  const load = () => member.client.pushPause()
  return (
    <Loaded app={app} name={`pause ${member.id}`} load={load}>
      {({ until }, again) => (
        <>
          <p>
            {until === null
              ? texts.notPaused
              : fill(texts.pausedUntil, { time: app.words.time(until) })}
          </p>
          {member.canVerify && <PauseForm app={app} member={member} until={until} again={again} />}
        </>
      )}
    </Loaded>
  )
}

/** How the user is notified, and until when not; to change it takes the passkey. */
export function Notifications({ app, member }: MemberProps) {
  const { account: texts } = app.words.later
  const load = () => member.client.notificationPreferences()
  return (
    <section>
      <h2>{texts.notifications}</h2>
      <Loaded app={app} name={`notifications ${member.id}`} load={load}>
        {(preferences) =>
          member.canVerify ? (
            <PreferenceForm app={app} member={member} preferences={preferences} />
          ) : (
            <PreferenceList app={app} preferences={preferences} />
          )
        }
      </Loaded>
      <Pausing app={app} member={member} />
    </section>
  )
}
