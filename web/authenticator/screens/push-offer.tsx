import { useState } from 'preact/hooks'
import { declinePushOffer } from '../push-offer.ts'
import { type PushStanding, turnOnPushes } from '../pushes.ts'
import { Trouble } from './parts.tsx'
import { type ScreenProps, useAction } from './use.ts'

/** Offers notifications once, where nobody has decided about them yet. */
export function PushOffer({ app }: ScreenProps) {
  const { alerts } = app.words.later
  const [standing, setStanding] = useState<PushStanding | null>(null)
  const [isOver, setOver] = useState(false)
  const { isBusy, trouble, begin } = useAction()
  const turnOn = () => begin(async () => setStanding(await turnOnPushes(app.pushedMembers)))
  const decline = () => {
    declinePushOffer()
    setOver(true)
  }
  if (isOver) return null
  const isOpen = standing === null || standing === 'off'
  return (
    <section class="card">
      <h2>{alerts.title}</h2>
      <p role="status">{isOpen ? alerts.what : alerts.standings[standing]}</p>
      <Trouble app={app} error={trouble} />
      {isOpen && (
        <div class="row">
          <button type="button" disabled={isBusy} onClick={turnOn}>
            {isBusy ? alerts.busy : alerts.turnOn}
          </button>
          <button type="button" class="quiet" disabled={isBusy} onClick={decline}>
            {alerts.notNow}
          </button>
        </div>
      )}
    </section>
  )
}
