import type { PasscodeSecret } from '../../../clients/device/src/device.ts'
import type { Member } from '../member.ts'
import { passcodeAt } from '../passcode.ts'
import { CodeCard } from './code-card.tsx'
import { OtherCodesLoaded } from './other-codes-loaded.tsx'
import { Filled, Heading } from './parts.tsx'
import type { ScreenProps } from './use.ts'

function Code({ app, member }: ScreenProps & { readonly member: Member }) {
  const { user, tenant } = member.account
  const secret = member.account.passcode as PasscodeSecret
  const values = { user: user.displayName, tenant: tenant.name }
  return (
    <CodeCard
      app={app}
      title={<Filled text={app.words.texts.codes.of} values={values} />}
      source={{
        form: secret,
        now: () => member.now(),
        read: (nowMs) => passcodeAt(secret, nowMs),
      }}
    />
  )
}

/** Codes for when there is no network; they need none themselves. */
export function CodesScreen({ app }: ScreenProps) {
  const { codes } = app.words.texts
  const holders = app.members.filter(({ isLive, account }) => isLive && account.passcode !== null)
  return (
    <>
      <Heading>{codes.title}</Heading>
      {holders.length === 0 ? (
        <p>{codes.none}</p>
      ) : (
        <>
          <p>{codes.what}</p>
          <ul class="cards">
            {holders.map((member) => (
              <Code key={member.id} app={app} member={member} />
            ))}
          </ul>
        </>
      )}
      <OtherCodesLoaded app={app} />
    </>
  )
}
