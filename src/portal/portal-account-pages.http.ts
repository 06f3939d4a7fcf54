// The pages of notices, codes and data.

import { type NoticeCategory, type NoticePreferences, noticeChannels } from '../domain/notice.ts'
import type { Refusal } from '../domain/refusal.ts'
import { filledHtml, html, noHtml } from '../platform/http/pages/html.ts'
import { devicesPath, type Page } from '../platform/http/pages/page.ts'
import { fill } from '../platform/texts/fill.ts'
import { type Language, pluralOf, textsIn } from '../platform/texts/texts.ts'
import type { PortalFactors } from './portal-codes.ts'
import {
  backLink,
  buttonForm,
  errorOf,
  momentOf,
  portalPaths,
  radios,
} from './portal-page-parts.http.ts'

/** The pages that take a second factor, by the name under which a form comes back to them. */
export const steppedUpPages = ['phones', 'notifications', 'codes', 'data'] as const
export type SteppedUpPage = (typeof steppedUpPages)[number]

/** Asks for a code; it leads on to the page that needs it. */
export function stepUpPage(next: SteppedUpPage, language: Language, refusal?: Refusal): Page {
  const { stepUp } = textsIn(language).portal
  return {
    title: stepUp.title,
    language,
    body: html`${errorOf(refusal, language)}
<p>${stepUp.what}</p>
<form method="post" action="${portalPaths.verify}">
<input type="hidden" name="next" value="${next}">
<label for="code">${stepUp.code}</label>
<input id="code" name="code" required autocomplete="one-time-code" autocapitalize="characters"
spellcheck="false" maxlength="128">
<button>${stepUp.go}</button>
</form>
${backLink(language)}`,
  }
}

/** For how long pushes may be paused on the page, in hours. */
export const pauseHours = [1, 8, 24, 168] as const

function pauseText(hours: number, language: Language): string {
  const texts = textsIn(language).portal.notifications
  if (hours < 24) return fill(pluralOf(language, texts.hours, hours), { hours })
  const days = hours / 24
  return fill(pluralOf(language, texts.days, days), { days })
}

/** How the user is notified, and a pause. */
export function notificationsPage(
  preferences: NoticePreferences,
  { until }: { readonly until: Date | null },
  mayChange: boolean,
  language: Language,
): Page {
  const texts = textsIn(language).portal.notifications
  const categories = Object.keys(noticeChannels) as NoticeCategory[]
  const pauseSection =
    until === null
      ? noHtml
      : html`<p role="status">${filledHtml(texts.pausedUntil, {
          time: momentOf(until, language),
        })}</p>
<form method="post" action="${portalPaths.pause}">
<input type="hidden" name="hours" value="0">
<button>${texts.resume}</button>
</form>`
  const choices = categories.map(
    (category) => html`<fieldset>
<legend>${texts.categories[category]}</legend>
${radios(
  category,
  noticeChannels[category].map((channel) => [channel, texts.channels[channel]] as const),
  preferences[category],
)}
</fieldset>`,
  )
  const changes = html`<form method="post" action="${portalPaths.notifications}">
${choices}
<button>${texts.save}</button>
</form>
<h2>${texts.pauseTitle}</h2>
<p>${texts.pauseWhat}</p>
<form method="post" action="${portalPaths.pause}">
<div class="row">
${pauseHours.map(
  (hours) =>
    html`<button class="quiet" name="hours" value="${hours}">
${pauseText(hours, language)}</button>`,
)}
</div>
</form>`
  const { body: stepUp } = stepUpPage('notifications', language)
  return {
    title: texts.title,
    language,
    body: html`${pauseSection}
${mayChange ? html`${changes}\n${backLink(language)}` : stepUp}`,
  }
}

/** How many recovery codes are left, and new ones. */
export function codesPage(
  { recoveryCodesLeft: codesLeft, recoveryCodeSet }: PortalFactors,
  mayMake: boolean,
  language: Language,
): Page {
  const { codes } = textsIn(language).portal
  const { body: stepUp } = stepUpPage('codes', language)
  const form = html`<p>${codes.makes}</p>
<form method="post" action="${portalPaths.codes}">
<input type="hidden" name="insteadOf" value="${recoveryCodeSet ?? ''}">
<button>${codes.go}</button>
</form>
${backLink(language)}`
  return {
    title: codes.title,
    language,
    body: html`<p>${codes.what}</p>
<p>${fill(pluralOf(language, codes.left, codesLeft), { left: codesLeft })}</p>
${mayMake ? form : stepUp}`,
  }
}

/** Shows two buttons that a browser without script could not serve. */
const copyAndPrint = `for(const [id,act] of [
["copy",()=>navigator.clipboard.writeText(document.getElementById("codes").innerText)],
["print",()=>print()]]){const b=document.getElementById(id);b.hidden=false;b.onclick=act}`

/** New recovery codes, shown this once. */
export function newCodesPage(codes: readonly string[], language: Language): Page {
  const texts = textsIn(language).portal.codes
  return {
    title: texts.made,
    language,
    script: copyAndPrint,
    body: html`<p role="status">${texts.once}</p>
<ol class="code" id="codes">
${codes.map((code) => html`<li>${code}</li>`)}
</ol>
<div class="row">
<button class="quiet" type="button" id="copy" hidden>${texts.copy}</button>
<button class="quiet" type="button" id="print" hidden>${texts.print}</button>
<a class="button" href="${devicesPath}">${texts.kept}</a>
</div>`,
  }
}

/** Says that a form was sent again, or that there are newer codes: none were made. */
export function codesChangedPage(language: Language): Page {
  const { codes } = textsIn(language).portal
  return {
    title: codes.changed,
    language,
    body: html`<p>${codes.changedWhat}</p>
<p><a class="button" href="${portalPaths.codes}">${codes.again}</a></p>
${backLink(language)}`,
  }
}

/** A copy of the data, and a request for erasure. */
export function dataPage(mayExport: boolean, language: Language): Page {
  const { data } = textsIn(language).portal
  const { body: stepUp } = stepUpPage('data', language)
  return {
    title: data.title,
    language,
    body: html`<h2>${data.erasure}</h2>
<p>${data.erasureWhat}</p>
${buttonForm(`${portalPaths.data}/erasure`, data.ask, 'quiet')}
<h2>${data.copy}</h2>
<p>${data.copyWhat}</p>
${
  mayExport
    ? html`${buttonForm(`${portalPaths.data}/export`, data.download)}\n${backLink(language)}`
    : stepUp
}`,
  }
}

/** Says that the request for erasure is recorded. */
export function erasureRequestedPage(requestedAt: Date, language: Language): Page {
  const { data } = textsIn(language).portal
  return {
    title: data.asked,
    language,
    body: html`<p role="status">${filledHtml(data.askedWhat, {
      time: momentOf(requestedAt, language),
    })}</p>
${backLink(language)}`,
  }
}
