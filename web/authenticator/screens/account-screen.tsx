import { useState } from 'preact/hooks'
import { DeviceApiError } from '../../../clients/device/src/device.ts'
import { fill } from '../../../src/platform/texts/fill.ts'
import { isolate } from '../words.ts'
import { Devices } from './account-devices.tsx'
import { Notifications } from './account-notifications.tsx'
import { Filled, Heading, Loaded, Note, Sheet, Trouble } from './parts.tsx'
import { PushDoctor } from './push-doctor.tsx'
import { type MemberProps, useAction } from './use.ts'

function Standing({ app, member }: MemberProps) {
  const { account: texts } = app.words.later
  return (
    <Loaded app={app} name={`self ${member.id}`} load={() => member.client.self()}>
      {({ mayAnswer, whyNot }) =>
        mayAnswer ? (
          <Note kind="good">{texts.mayAnswer}</Note>
        ) : (
          <Note kind="warn">{texts.whyNot[whyNot ?? 'unknown'] ?? texts.whyNot.unknown}</Note>
        )
      }
    </Loaded>
  )
}

/** Without the service, an account can still be forgotten here. */
const isOutOfReach = (trouble: unknown) =>
  trouble instanceof DeviceApiError && (trouble.outcomeUnknown || trouble.code === 'proof_invalid')

function Removal({ app, member }: MemberProps) {
  const { account: texts } = app.words.later
  const { cancel } = app.words.texts
  const [isAsking, setAsking] = useState(false)
  const { isBusy, trouble, begin } = useAction()
  const forget = () => begin(() => app.forget(member))
  const remove = () =>
    begin(async () => {
      await member.client.unregister().catch((error: unknown) => {
        const isGone = error instanceof DeviceApiError && error.code === 'device_unregistered'
        if (!isGone) throw error
      })
      await app.forget(member)
    })
  const title = fill(texts.removeTitle, { user: isolate(member.account.user.displayName) })
  return (
    <section>
      <button type="button" class="danger" onClick={() => setAsking(true)}>
        {texts.remove}
      </button>
      {isAsking && (
        <Sheet title={title} onClose={() => setAsking(false)}>
          <p>{texts.removeWhat}</p>
          <Trouble app={app} error={trouble} />
          {isOutOfReach(trouble) && <p>{texts.removeUnsaid}</p>}
          <div class="row">
            {isOutOfReach(trouble) ? (
              <button type="button" class="danger" disabled={isBusy} onClick={forget}>
                {texts.removeAnyway}
              </button>
            ) : (
              <button type="button" class="danger" disabled={isBusy} onClick={remove}>
                {texts.removeGo}
              </button>
            )}
            <button type="button" class="quiet" onClick={() => setAsking(false)}>
              {cancel}
            </button>
          </div>
        </Sheet>
      )}
    </section>
  )
}

/** One account: how it stands, its devices, notifications, and its end. */
export function AccountScreen({ app, member }: MemberProps) {
  const { account: texts } = app.words.later
  const { back } = app.words.texts
  const { user, tenant } = member.account
  return (
    <>
      <Heading>
        <Filled text={texts.title} values={{ user: user.displayName, tenant: tenant.name }} />
      </Heading>
      <Standing app={app} member={member} />
      {!member.canVerify && <Note kind="warn">{texts.noPasskey}</Note>}
      <Devices app={app} member={member} />
      <Notifications app={app} member={member} />
      <PushDoctor app={app} member={member} />
      <div class="row">
        <Removal app={app} member={member} />
        <button type="button" class="quiet" onClick={() => app.replace({ at: 'tab', tab: 'more' })}>
          {back}
        </button>
      </div>
    </>
  )
}
