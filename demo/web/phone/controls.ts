import { button, el } from '../dom.ts'
import type { Handset } from './handset.ts'

const clockErrorMs = 60 * 60 * 1000

/**
 * Shows, outside of the phone, controls for what can happen to a phone; called after every change.
 */
export function drawControls(
  place: HTMLElement,
  handset: Handset,
  wipe: () => Promise<void>,
): void {
  const { isOffline, isLost, clockErrorMs: error } = handset.stored
  const focusIndex = [...place.querySelectorAll<Element>('button')].indexOf(
    document.activeElement ?? place,
  )
  place.replaceChildren(
    toggle('Offline', isOffline, () => handset.setOffline(!isOffline)),
    toggle('Clock 1 h fast', error !== 0, () =>
      handset.change({ clockErrorMs: error === 0 ? clockErrorMs : 0 }),
    ),
    toggle('Lost', isLost, () => handset.change({ isLost: !isLost })),
    button('Wipe', 'quiet', wipe),
    ...hints(handset),
  )
  place.querySelectorAll('button')[focusIndex]?.focus()
}

function toggle(label: string, isOn: boolean, flip: () => unknown): HTMLButtonElement {
  return button(label, 'quiet', flip, { 'aria-pressed': String(isOn) })
}

function hints({ stored, condition }: Handset): HTMLElement[] {
  const lossHint =
    condition === 'unregistered'
      ? 'Lost and unregistered: nobody can do anything with it.'
      : 'Lost: somebody else may hold it. Unregister it on another phone or on the sign-in page, then try to answer with it.'
  const clockHint =
    'Its clock is wrong. It learns the service’s time from a refusal and signs with that.'
  return [stored.isLost ? lossHint : null, stored.clockErrorMs === 0 ? null : clockHint]
    .filter((text) => text !== null)
    .map((text) => el('p', { class: 'small' }, text))
}
