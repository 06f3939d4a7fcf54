import { type EnrollmentTicket, readEnrollmentUri } from '../../../clients/device/src/enrollment.ts'
import { button, el, field, form, icon, note } from '../dom.ts'
import { lookForQrCode } from '../qr-exchange.ts'
import type { App } from './app.ts'

const patienceMs = 2000

/**
 * The camera: it sees the QR code of a sign-in page that is open in this browser, now or while it
 * scans. A link can be pasted instead. Null when the user gave up.
 */
export async function scan(app: App): Promise<EnrollmentTicket | null> {
  const leaving = new AbortController()
  const ticket = await app.ask<EnrollmentTicket>('Scan code', (close) => {
    const sight = el('div', { 'aria-live': 'polite' }, el('p', { class: 'muted' }, 'Looking …'))
    const hint = setTimeout(() => {
      sight.replaceChildren(el('p', { class: 'muted' }, nothingYet))
    }, patienceMs)
    leaving.signal.addEventListener('abort', () => clearTimeout(hint))
    const take = (text: string) => {
      const read = readEnrollmentUri(text)
      if (read) close(read)
      else sight.replaceChildren(note('warn', icon('alert'), foreign))
    }
    void lookForQrCode(leaving.signal).then(take)
    const link = field('Or paste the link of the code', { name: 'link', autocomplete: 'off' })
    return el(
      'div',
      { class: 'scanner' },
      el('h2', { tabindex: -1, 'data-focus': true }, 'Scan code'),
      el('div', { class: 'viewfinder', 'aria-hidden': 'true' }, el('i')),
      sight,
      form(
        (fields) => take(String(fields.get('link')).trim()),
        link.element,
        el('button', { class: 'button plain' }, 'Use link'),
      ),
      button('Cancel', 'quiet', () => close(null)),
    )
  })
  leaving.abort()
  return ticket
}

const nothingYet =
  'No code in sight yet. Open the sign-in page in this browser and sign in under a new name.'
const foreign = 'This is no enrollment link of Countersign.'
