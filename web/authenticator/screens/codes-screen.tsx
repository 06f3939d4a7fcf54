import { useEffect, useState } from 'preact/hooks'
import type { PasscodeSecret } from '../../../clients/device/src/device.ts'
import type { Member } from '../member.ts'
import { passcodeAt, secondsLeft } from '../passcode.ts'
import { Filled, Heading } from './parts.tsx'
import { type ScreenProps, useClock } from './use.ts'

function Code({
  app,
  member,
  secret,
}: ScreenProps & { readonly member: Member; readonly secret: PasscodeSecret }) {
  const { codes } = app.words.texts
  const { user, tenant } = member.account
  const [code, setCode] = useState('')
  const [isCopied, setCopied] = useState(false)
  useClock()
  const now = member.now()
  const seconds = secondsLeft(secret, now)
  const step = Math.floor(now / 1000 / secret.period)
  useEffect(() => {
    setCopied(false)
    void passcodeAt(secret, now).then(setCode)
  }, [secret, step])
  const copy = () => {
    navigator.clipboard?.writeText(code).then(
      () => setCopied(true),
      () => undefined,
    )
  }
  const half = Math.ceil(code.length / 2)
  return (
    <li class="card">
      <h2>
        <Filled text={codes.of} values={{ user: user.displayName, tenant: tenant.name }} />
      </h2>
      <p class="code">{`${code.slice(0, half)} ${code.slice(half)}`}</p>
      <progress
        max={secret.period}
        value={seconds}
        aria-label={app.words.count(codes.left, seconds)}
      />
      <div class="row">
        <span class="soft">{app.words.count(codes.left, seconds)}</span>
        <button type="button" class="quiet" onClick={copy}>
          {codes.copy}
        </button>
        <span role="status">{isCopied && codes.copied}</span>
      </div>
    </li>
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
              <Code
                key={member.id}
                app={app}
                member={member}
                secret={member.account.passcode as PasscodeSecret}
              />
            ))}
          </ul>
        </>
      )}
    </>
  )
}
