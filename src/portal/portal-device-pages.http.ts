import type { Device } from '../domain/device.ts'
import type { PortalAccess } from '../domain/portal.ts'
import type { Refusal } from '../domain/refusal.ts'
import { filledHtml, type Html, html, noHtml } from '../platform/http/pages/html.ts'
import type { Page } from '../platform/http/pages/page.ts'
import { fill } from '../platform/texts/fill.ts'
import { type Language, textsIn } from '../platform/texts/texts.ts'
import type { PushReport } from '../push/doctor/read-pushes.ts'
import {
  backLink,
  buttonForm,
  errorOf,
  isolatedName,
  limitedNote,
  minuteOf,
  portalPaths,
} from './portal-page-parts.http.ts'

/** Path of the settings of one device. */
export const deviceSettingsPath = (id: string) => `${portalPaths.devices}/${id}/settings`

/** Longest name of a device, as its schema has it. */
const nameLengthMax = 64

function testSection({ id }: Device, { pushes, advice }: PushReport, language: Language): Html {
  const { settings } = textsIn(language).portal
  const last = pushes.find(({ kind }) => kind === 'test')
  const outcome = last
    ? html`<p>${filledHtml(settings.lastTest, {
        time: minuteOf(last.queuedAt, language),
        status: html`${settings.tests[last.status]}`,
      })}</p>`
    : noHtml
  return html`<h2>${settings.testTitle}</h2>
${outcome}
${advice.map((one) => html`<p>${settings.advice[one]}</p>`)}
${buttonForm(`${portalPaths.devices}/${id}/test-push`, settings.test, 'quiet')}`
}

function suspendSection({ id }: Device, language: Language): Html {
  const { settings } = textsIn(language).portal
  return html`<h2>${settings.suspendTitle}</h2>
<p>${settings.suspendWhat}</p>
${buttonForm(`${portalPaths.devices}/${id}/suspend`, settings.suspend, 'danger')}`
}

function nameForm({ id, name }: Device, language: Language): Html {
  const { settings } = textsIn(language).portal
  return html`<form method="post" action="${portalPaths.devices}/${id}/name">
<label for="name">${settings.name}</label>
<input id="name" name="name" value="${name}" maxlength="${nameLengthMax}" required dir="auto"
autocomplete="off">
<button>${settings.rename}</button>
</form>`
}

/** Renames, tests or suspends a device; only suspends it where the session may do little. */
export function deviceSettingsPage(
  device: Device,
  report: PushReport | null,
  access: PortalAccess,
  language: Language,
  refusal?: Refusal,
): Page {
  const { settings } = textsIn(language).portal
  const { status } = device
  const mayAll = access === 'everything'
  return {
    title: fill(settings.title, isolatedName(device)),
    language,
    body: html`${errorOf(refusal, language)}
${status === 'suspended' ? html`<p role="status">${settings.suspended}</p>` : noHtml}
${mayAll ? nameForm(device, language) : limitedNote(language)}
${mayAll && status === 'active' && report ? testSection(device, report, language) : noHtml}
${status === 'active' ? suspendSection(device, language) : noHtml}
${backLink(language)}`,
  }
}
