// The pages on which the person of a prompt enrolls a first device.

import type { Reading } from '../../platform/http/event-stream.ts'
import { filledHtml, Html, html, noHtml } from '../../platform/http/pages/html.ts'
import type { Page } from '../../platform/http/pages/page.ts'
import { type Language, textsIn, timeIn } from '../../platform/texts/texts.ts'
import type { OwnPrompt } from '../own-prompt.ts'
import type { PromptEnrollment } from '../read-prompt-enrollment.ts'
import { type PromptView, promptScript, refreshSeconds } from './prompt-page.http.ts'

/** What the pages show of an enrollment that was opened. */
export type ShownEnrollment = PromptEnrollment & {
  /** The picture of the code, drawn by us; null unless it waits for a device. */
  readonly qrSvg: string | null
}

/** Names the page that is due, as `pageKeyOf` does. */
const keyOf = ({ id, status }: Pick<PromptEnrollment, 'id' | 'status'>) => `${status} ${id}`
const isWaiting = ({ status }: PromptEnrollment) => status === 'open' || status === 'claimed'
const statusOf = (language: Language) => textsIn(language).portal.phones.waiting

/** Which page is due: another one than that of the enrollment where the prompt is over. */
export function enrollReadingOf(
  { state }: OwnPrompt,
  enrollment: PromptEnrollment | null,
  language: Language,
): Reading {
  if (state === 'over' || enrollment === null) {
    return { data: JSON.stringify({ page: 'over', text: '' }), final: true }
  }
  const data = JSON.stringify({ page: keyOf(enrollment), text: statusOf(language) })
  return { data, final: !isWaiting(enrollment) }
}

const backLink = ({ language, path, suffix }: PromptView) =>
  html`<p><a href="${path}${suffix}">${textsIn(language).prompt.code.back}</a></p>`

/** The form that begins; the same for every name. `fault`: a device could not be added. */
export function enrollFormPage(view: PromptView, fault: 'refused' | 'over' | null): Page {
  const { language, path, suffix } = view
  const { enroll } = textsIn(language).prompt
  return {
    title: enroll.title,
    language,
    body: html`${
      fault === null ? noHtml : html`<p class="error" role="alert">${enroll[fault]}</p>\n`
    }<p>${enroll.what}</p>
<form method="post" action="${path}/enroll${suffix}">
<label for="code">${enroll.label}</label>
<p class="soft" id="empty">${enroll.empty}</p>
<input id="code" name="code" maxlength="64" autocomplete="one-time-code" dir="ltr"
autocapitalize="characters" spellcheck="false" aria-describedby="empty">
<button>${enroll.go}</button>
</form>
${backLink(view)}`,
  }
}

/** The code for a new device: a picture, what can be typed, and this browser as the device. */
function codesPage(
  { prompt: { tenantId, userName } }: OwnPrompt,
  view: PromptView,
  enrollment: ShownEnrollment,
  authenticator: string | null,
): Page {
  const { language } = view
  const { portal, enrollment: texts } = textsIn(language)
  const { phones } = portal
  const { code = '', uri = '' } = enrollment.codes ?? {}
  const time = html`${timeIn(language, enrollment.expiresAt)}`
  const [, scannedCode = ''] = uri.split('#')
  const browser =
    authenticator === null
      ? noHtml
      : html`<p><a class="button quiet" target="_blank" rel="noopener noreferrer"
href="${authenticator}#${tenantId}/${scannedCode}">${texts.useBrowser}</a></p>
<p class="soft">${texts.useBrowserWhen}</p>\n`
  return {
    ...following(view),
    title: phones.scan,
    // The picture is drawn by us: nothing that others chose is in it but the code.
    body: html`<p>${filledHtml(phones.scanWhat, { time })}</p>
<div class="qr" role="img" aria-label="${phones.picture}">${new Html(enrollment.qrSvg ?? '')}</div>
${statusLine(enrollment, view)}
<p>${phones.typed} <bdi>${userName ?? ''}</bdi></p>
<p class="code">${code}</p>
${browser}${backLink(view)}`,
  }
}

function numberPage(view: PromptView, enrollment: ShownEnrollment): Page {
  const { phones } = textsIn(view.language).portal
  return {
    ...following(view),
    title: phones.number,
    body: html`<p class="code">${enrollment.number ?? ''}</p>
<p>${phones.numberWhat}</p>
${statusLine(enrollment, view)}
${backLink(view)}`,
  }
}

/** The page of an enrollment that waits for a device, or for its number. */
export function enrollWaitingPage(
  own: OwnPrompt,
  view: PromptView,
  enrollment: ShownEnrollment,
  authenticator: string | null,
): Page {
  return enrollment.status === 'open'
    ? codesPage(own, view, enrollment, authenticator)
    : numberPage(view, enrollment)
}

/** The device is there, and is asked now: by the script, or by a press. */
export function enrollDonePage({ state }: OwnPrompt, view: PromptView): Page {
  const { language, path, suffix } = view
  const { prompt, portal } = textsIn(language)
  const action = state === 'ready' ? 'ask' : 'more'
  return {
    title: portal.phones.done,
    language,
    script: promptScript,
    body: html`<p role="status">${prompt.enroll.done}</p>
<form method="post" action="${path}/${action}${suffix}" data-go="">
<button>${prompt.ask}</button></form>`,
  }
}

const following = ({ language }: PromptView) => ({
  ...{ language, script: promptScript, fetches: true, refreshSeconds },
})

const statusLine = (enrollment: PromptEnrollment, { language }: PromptView) =>
  html`<p role="status" data-page="${keyOf(enrollment)}">${statusOf(language)}</p>`
