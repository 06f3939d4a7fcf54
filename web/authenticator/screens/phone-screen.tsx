import { useEffect, useState } from 'preact/hooks'
import type {
  DeviceDetails,
  EnrollmentDetails,
  OpenedEnrollment,
} from '../../../clients/device/src/device.ts'
import { fill } from '../../../src/platform/texts/fill.ts'
import type { Member } from '../member.ts'
import { isolate } from '../words.ts'
import { Field, Filled, Heading, Loaded, Trouble } from './parts.tsx'
import { QrPicture } from './qr-picture.tsx'
import { type MemberProps, useAction } from './use.ts'

/** The device whose place the new phone takes; null for none. */
type Opening = { readonly enrollment: OpenedEnrollment; readonly replaces: string | null }

/** The service answers when the status changes, at most this much later. */
const waitSeconds = 10
const retryMs = 3_000

/** Follows an enrollment until it ends, or this device does, whose place the new one takes. */
async function follow(
  member: Member,
  id: string,
  onNews: (news: EnrollmentDetails | null) => void,
  isLeft: () => boolean,
): Promise<void> {
  let after = 'open'
  while (!isLeft() && ['open', 'claimed'].includes(after)) {
    try {
      const news = await member.client.enrollment(id, { waitSeconds, after })
      after = news.status
      onNews(news)
    } catch (error) {
      await member.notice(error)
      if (member.endedAt !== null) return onNews(null)
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }
}

function Choice({
  app,
  member,
  devices,
  onOpen,
}: MemberProps & {
  readonly devices: readonly DeviceDetails[]
  readonly onOpen: (opening: Opening) => void
}) {
  const { phone } = app.words.later
  const [chosenId, setChosenId] = useState(member.id)
  const { isBusy, trouble, begin } = useAction()
  const submit = (event: Event) => {
    event.preventDefault()
    begin(async () => {
      const replaces = chosenId === '' ? null : chosenId
      // Left out, it is this device.
      const options = replaces === member.id ? {} : { replacesDeviceId: replaces }
      onOpen({ enrollment: await member.client.openEnrollment(options), replaces })
    })
  }
  const others = devices.filter(({ id, parentDeviceId }) => id !== member.id && !parentDeviceId)
  return (
    <form onSubmit={submit}>
      <Heading>{phone.title}</Heading>
      <p>{phone.what}</p>
      <Field label={phone.replaces} hint={phone.replacesHint}>
        {(attributes) => (
          <select
            {...attributes}
            value={chosenId}
            onChange={({ currentTarget }) => setChosenId(currentTarget.value)}
          >
            <option value={member.id}>{phone.thisOne}</option>
            <option value="">{phone.none}</option>
            {others.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Trouble app={app} error={trouble} />
      <div class="row">
        <button type="submit" disabled={isBusy}>
          {phone.go}
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => app.replace({ at: 'account', id: member.id })}
        >
          {app.words.texts.cancel}
        </button>
      </div>
    </form>
  )
}

/** Leaves the code as it is: it ends by itself, and with this device. */
function Leave({ app, member }: MemberProps) {
  return (
    <button
      type="button"
      class="quiet"
      onClick={() => app.replace({ at: 'account', id: member.id })}
    >
      {app.words.texts.back}
    </button>
  )
}

function Code({
  app,
  member,
  enrollment: { qrSvg, code, expiresAt },
}: MemberProps & { readonly enrollment: OpenedEnrollment }) {
  const { phone } = app.words.later
  return (
    <>
      <Heading>{phone.scanTitle}</Heading>
      <p>{fill(phone.scanWhat, { time: app.words.time(expiresAt) })}</p>
      <QrPicture svg={qrSvg} label={phone.picture} />
      <p>
        <Filled text={phone.typed} values={{ tenant: member.account.tenant.id }} />
      </p>
      <p class="code">{code}</p>
      <p class="soft" role="status">
        {phone.waiting}
      </p>
      <Leave app={app} member={member} />
    </>
  )
}

function NumberToType({ app, member, number }: MemberProps & { readonly number: string }) {
  const { phone } = app.words.later
  return (
    <>
      <Heading>{phone.numberTitle}</Heading>
      <p class="code">{number}</p>
      <p>{phone.numberWhat}</p>
      <Leave app={app} member={member} />
    </>
  )
}

/** How it ended: with the new phone, in the place of this browser or beside it, or without. */
function End({
  app,
  member,
  isMoved,
  isAdded,
}: MemberProps & { readonly isMoved: boolean; readonly isAdded: boolean }) {
  const { phone } = app.words.later
  const { trouble, begin } = useAction()
  const values = { user: isolate(member.account.user.displayName) }
  const toAccount = () => app.replace({ at: 'account', id: member.id })
  return (
    <>
      <Heading>{isMoved ? phone.movedTitle : isAdded ? phone.addedTitle : phone.overTitle}</Heading>
      <p>{fill(isMoved ? phone.moved : isAdded ? phone.added : phone.over, values)}</p>
      <Trouble app={app} error={trouble} />
      {isMoved ? (
        <button type="button" class="danger" onClick={() => begin(() => app.forget(member))}>
          {app.words.texts.ended.erase}
        </button>
      ) : (
        <button type="button" onClick={toAccount}>
          {app.words.texts.back}
        </button>
      )}
    </>
  )
}

function Opened({ app, member, opening }: MemberProps & { readonly opening: Opening }) {
  const { enrollment, replaces } = opening
  const [news, setNews] = useState<EnrollmentDetails | null | undefined>(undefined)
  useEffect(() => {
    let isLeft = false
    const onNews = (latest: EnrollmentDetails | null) => {
      const isEndedElsewhere = latest === null && replaces !== member.id
      if (isEndedElsewhere) app.replace({ at: 'ended', id: member.id })
      else setNews(latest)
    }
    void follow(member, enrollment.id, onNews, () => isLeft)
    return () => {
      isLeft = true
    }
  }, [enrollment.id])
  const status = news === null ? 'ended' : (news?.status ?? 'open')
  if (status === 'open') return <Code app={app} member={member} enrollment={enrollment} />
  if (status === 'claimed')
    return <NumberToType app={app} member={member} number={news?.number ?? ''} />
  const isAdded = status === 'completed'
  const isMoved = news === null || (isAdded && replaces === member.id)
  return <End app={app} member={member} isMoved={isMoved} isAdded={isAdded} />
}

/** The next phone: this browser acts as the sign-in page does, with code and number. */
export function PhoneScreen({ app, member }: MemberProps) {
  const [opening, setOpening] = useState<Opening | null>(null)
  if (opening) return <Opened app={app} member={member} opening={opening} />
  return (
    <Loaded app={app} name={`phone ${member.id}`} load={() => member.client.devices()}>
      {(devices) => <Choice app={app} member={member} devices={devices} onOpen={setOpening} />}
    </Loaded>
  )
}
