import { useState } from 'preact/hooks'
import { DeviceApiError, type DeviceDetails } from '../../../clients/device/src/device.ts'
import { fill } from '../../../src/platform/texts/fill.ts'
import { isolate } from '../words.ts'
import { Loaded, Note, Sheet, Trouble } from './parts.tsx'
import { type MemberProps, useAction } from './use.ts'

type DeviceProps = MemberProps & {
  readonly device: DeviceDetails
  readonly onRemoved: () => void
}

/** Names what the removal of another device does, before it is done. */
function LostSheet({
  app,
  member,
  device,
  onRemoved,
  onClose,
}: DeviceProps & { readonly onClose: () => void }) {
  const { lost } = app.words.later.account
  const { isBusy, trouble, begin } = useAction()
  const remove = () =>
    begin(async () => {
      await member.client.unregisterOther(device.id).catch(async (error: unknown) => {
        await member.notice(error)
        // Somebody was faster.
        const isGone = error instanceof DeviceApiError && error.code === 'not_found'
        if (!isGone) throw error
      })
      onRemoved()
    })
  return (
    <Sheet title={fill(lost.title, { device: isolate(device.name) })} onClose={onClose}>
      <ul>
        {Object.entries(lost.what).map(([name, text]) => (
          <li key={name}>{text}</li>
        ))}
      </ul>
      <Trouble app={app} error={trouble} />
      <div class="row">
        <button type="button" class="danger" disabled={isBusy} onClick={remove}>
          {lost.go}
        </button>
        <button type="button" class="quiet" onClick={onClose}>
          {app.words.texts.cancel}
        </button>
      </div>
    </Sheet>
  )
}

function DeviceCard(props: DeviceProps) {
  const { app, member, device } = props
  const { account: texts } = app.words.later
  const [isAsking, setAsking] = useState(false)
  const { id, name, model, status, lastSeenAt } = device
  const isThis = id === member.id
  return (
    <li class="card">
      <h3>
        <bdi>{name}</bdi>
      </h3>
      <p class="soft">
        {isThis && `${texts.thisOne} · `}
        <bdi>{model}</bdi> · {texts.statuses[status]}
      </p>
      <p class="soft">
        {texts.lastUsed}: {lastSeenAt ? app.words.time(lastSeenAt) : texts.never}
      </p>
      {!isThis && member.canVerify && (
        <button type="button" class="quiet" onClick={() => setAsking(true)}>
          {texts.lost.button}
        </button>
      )}
      {isAsking && <LostSheet {...props} onClose={() => setAsking(false)} />}
    </li>
  )
}

/** The devices of the account: to end a lost one, and to add the next. */
export function Devices({ app, member }: MemberProps) {
  const { account: texts } = app.words.later
  const [removal, setRemoval] = useState<string | null>(null)
  return (
    <section>
      <h2>{texts.devices}</h2>
      <div role="status">{removal !== null && <Note kind="good">{removal}</Note>}</div>
      <Loaded app={app} name={`devices ${member.id}`} load={() => member.client.devices()}>
        {(devices, again) => (
          <ul class="cards">
            {devices.map((device) => {
              const onRemoved = () => {
                setRemoval(fill(texts.lost.done, { device: isolate(device.name) }))
                again()
              }
              const props = { app, member, device, onRemoved }
              return <DeviceCard key={device.id} {...props} />
            })}
          </ul>
        )}
      </Loaded>
      {member.canVerify ? (
        <div class="row">
          <button
            type="button"
            class="quiet"
            onClick={() => app.go({ at: 'phone', id: member.id })}
          >
            {texts.addPhone}
          </button>
        </div>
      ) : (
        <Note>
          <strong>{texts.lostPhone}</strong> {texts.lostWhat}
        </Note>
      )}
    </section>
  )
}
