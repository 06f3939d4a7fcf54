import { useEffect, useState } from 'preact/hooks'
import { type PushStanding, pushStanding, turnOffPushes, turnOnPushes } from '../pushes.ts'
import { needsInstall } from './install-hint.tsx'
import { Note, Trouble } from './parts.tsx'
import { type ScreenProps, useAction } from './use.ts'

const kinds = {
  on: 'good',
  off: 'plain',
  denied: 'warn',
  unsupported: 'warn',
  failed: 'bad',
} as const

/** Whether this browser is woken, for all its accounts, and the buttons that change it. */
export function NotificationSetting({ app }: ScreenProps) {
  const { alerts } = app.words.later
  const [standing, setStanding] = useState<PushStanding | null>(null)
  const { isBusy, trouble, begin } = useAction()
  useEffect(() => void pushStanding().then(setStanding), [])
  const turn = (how: typeof turnOnPushes) => () =>
    begin(async () => setStanding(await how(app.pushedMembers)))
  const mayAsk = standing !== null && standing !== 'unsupported' && standing !== 'denied'
  const text =
    standing && (needsInstall(standing) ? alerts.installFirst : alerts.standings[standing])
  return (
    <section>
      <h2>{alerts.title}</h2>
      <p>{alerts.what}</p>
      <div role="status">
        {isBusy ? alerts.busy : standing && <Note kind={kinds[standing]}>{text}</Note>}
      </div>
      <Trouble app={app} error={trouble} />
      {mayAsk && (
        <div class="row">
          <button type="button" class="quiet" disabled={isBusy} onClick={turn(turnOnPushes)}>
            {standing === 'on' ? alerts.again : alerts.turnOn}
          </button>
          {standing === 'on' && (
            <button type="button" class="quiet" disabled={isBusy} onClick={turn(turnOffPushes)}>
              {alerts.turnOff}
            </button>
          )}
        </div>
      )}
    </section>
  )
}
