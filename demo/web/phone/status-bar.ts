import { el, icon } from '../dom.ts'
import type { Handset } from './handset.ts'

/** The phone's clock, name and network. */
export function drawStatusBar(place: HTMLElement, handset: Handset): void {
  const { isOffline } = handset.stored
  const time = new Date(handset.machineNow()).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
  })
  const text = `${time} ${isOffline}`
  if (place.dataset.shown === text) return
  place.dataset.shown = text
  const bars = [1, 2, 3, 4].map(() => el('i', { class: 'signal' }))
  place.replaceChildren(
    el('b', {}, time),
    el('span', {}, handset.phoneName),
    el(
      'span',
      { class: 'network' },
      ...(isOffline ? [icon('offline')] : bars),
      el('i', { class: 'battery' }),
    ),
  )
}
