import { type EnrolmentTicket, readEnrolmentUri } from '../../../clients/device/enrolment.ts'
import { button, el, field, form, icon, note } from '../dom.ts'
import { lookForQrCode } from '../qr-exchange.ts'
import type { App } from './app.ts'

/**
 * The camera: it sees the QR code of a sign-in page that is open in this browser. A link can be pasted instead. Null when the
 * person gave up.
 */
export async function scan(app: App): Promise<EnrolmentTicket | null> {
  const leaving = new AbortController()
  const ticket = await app.ask<EnrolmentTicket>('Scan code', (close) => {
    const found = el('div', { 'aria-live': 'polite' })
    const link = field('Or paste the link of the code', { name: 'link', autocomplete: 'off' })
    const take = (text: string | null) => {
      const read = text === null ? undefined : readEnrolmentUri(text)
      if (read) close(read)
      else found.replaceChildren(note('warn', icon('alert'), text === null ? nothing : foreign))
    }
    const look = async () => {
      found.replaceChildren(el('p', { class: 'muted' }, 'Looking for a code …'))
      const text = await lookForQrCode(leaving.signal)
      if (!leaving.signal.aborted) take(text)
    }
    void look()
    return el(
      'div',
      { class: 'scanner' },
      el('h2', {}, 'Scan code'),
      el('div', { class: 'viewfinder', 'aria-hidden': 'true' }, el('i')),
      found,
      form(
        (fields) => take(String(fields.get('link')).trim()),
        link.element,
        el('button', { class: 'button plain' }, 'Use link'),
      ),
      el(
        'div',
        { class: 'actions' },
        button('Look again', 'plain', look, { 'data-focus': true }),
        button('Cancel', 'quiet', () => close(null)),
      ),
    )
  })
  leaving.abort()
  return ticket
}

const nothing =
  'No code in sight. Open the sign-in page in this browser, sign in under a new name, and look again.'
const foreign = 'This is no enrolment link of Countersign.'
