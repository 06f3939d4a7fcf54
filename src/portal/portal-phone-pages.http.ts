import type { Device } from '../domain/device.ts'
import type { EnrollmentView } from '../domain/enrollment.ts'
import type { EnrollmentReading } from '../enrollments/read-enrollment.ts'
import type { shownOpenedEnrollment } from '../enrollments/shown-enrollment.http.ts'
import { filledHtml, Html, html } from '../platform/http/pages/html.ts'
import type { Page } from '../platform/http/pages/page.ts'
import { type Language, textsIn } from '../platform/texts/texts.ts'
import {
  backLink,
  buttonForm,
  followScript,
  isolate,
  minuteOf,
  portalPaths,
  radios,
} from './portal-page-parts.http.ts'

/** Path of a phone that is being added. */
export const phonePath = (id: string) => `${portalPaths.phones}/${id}`

/** The value of the form for a phone that replaces none. */
export const replacesNone = 'none'

/** Seconds after which the page loads itself again, to see whether the phone has called. */
const refreshSeconds = 5

/** Asks which device the new phone replaces. */
export function newPhonePage(devices: readonly Device[], language: Language): Page {
  const { phones } = textsIn(language).portal
  const replaceable = devices.filter(({ status }) => status !== 'unconfirmed')
  return {
    title: phones.title,
    language,
    body: html`<p>${phones.what}</p>
<form method="post" action="${portalPaths.phones}">
<fieldset>
<legend>${phones.replaces}</legend>
${radios('replaces', [
  [replacesNone, phones.keep],
  ...replaceable.map(({ id, name }) => [id, isolate(name)] as const),
])}
</fieldset>
<button>${phones.go}</button>
</form>
${backLink(language)}`,
  }
}

type Opened = Awaited<ReturnType<typeof shownOpenedEnrollment>>

/** The codes of a new phone, shown this once. */
export function phoneCodePage({ id, code, qrSvg, expiresAt }: Opened, language: Language): Page {
  const { phones } = textsIn(language).portal
  return {
    title: phones.scan,
    language,
    // The picture is drawn by us: nothing that others chose is in it but the code.
    body: html`<p>${filledHtml(phones.scanWhat, { time: minuteOf(expiresAt, language) })}</p>
<div class="qr" role="img" aria-label="${phones.picture}">${new Html(qrSvg)}</div>
<p>${phones.typed}</p>
<p class="code">${code}</p>
<div class="row">
<a class="button" href="${phonePath(id)}">${phones.next}</a>
${buttonForm(`${phonePath(id)}/cancel`, phones.cancel, 'quiet')}
</div>`,
  }
}

/** How far a phone has come; while it is waited for, the page loads itself again. */
export function phoneProgressPage(
  { enrollment: { id }, status, number }: EnrollmentReading,
  language: Language,
): Page {
  const { phones } = textsIn(language).portal
  const cancel = buttonForm(`${phonePath(id)}/cancel`, phones.cancel, 'quiet')
  const waiting = {
    language,
    ...{ refreshSeconds, script: followScript, fetches: true },
    title: number === null ? phones.waiting : phones.number,
    body: html`${
      number === null
        ? html`<p>${phones.waitingWhat}</p>`
        : html`<p class="code">${number}</p>
<p>${phones.numberWhat}</p>`
    }
${cancel}`,
  }
  const over = {
    language,
    title: phones.over,
    body: html`<p>${phones.overWhat}</p>
<p><a class="button" href="${portalPaths.phones}">${phones.again}</a></p>
${backLink(language)}`,
  }
  const done = {
    language,
    title: phones.done,
    body: html`<p role="status">${phones.doneWhat}</p>
${backLink(language)}`,
  }
  const pages: Readonly<Record<EnrollmentView, Page>> = {
    open: waiting,
    claimed: waiting,
    completed: done,
    cancelled: over,
    void: over,
    expired: over,
  }
  return pages[status]
}
