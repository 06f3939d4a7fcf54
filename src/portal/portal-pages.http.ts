// The pages of the portal. Names of people, tenants and devices are user input: `html` escapes
// them, `bdi` isolates their direction.

import { type Device, personalReasons } from '../domain/device.ts'
import type { PortalSession } from '../domain/portal.ts'
import { filledHtml, type Html, html, noHtml } from '../platform/http/pages/html.ts'
import { devicesPath, type Page } from '../platform/http/pages/page.ts'
import { fill } from '../platform/texts/fill.ts'
import { dateIn, type Language, textsIn, timeIn } from '../platform/texts/texts.ts'

/** Path of one device. */
export const devicePath = (id: string) => `${devicesPath}/devices/${id}`
/** Path that ends a session. */
export const signOutPath = `${devicesPath}/sign-out`

/**
 * The page of a link: the same for every link, existing or not. Its form is sent to its own
 * address, so that the page contains no secret.
 */
export function linkPage(language: Language): Page {
  const { link } = textsIn(language)
  return {
    title: link.title,
    language,
    body: html`<p>${link.about}</p>
<p>${link.nothingYet}</p>
<form method="post"><button>${link.go}</button></form>
<p class="soft">${link.notYours}</p>`,
  }
}

const term = (name: string, value: string | Html) => html`<dt>${name}</dt><dd>${value}</dd>`
const when = (at: Date, text: string) => html`<time datetime="${at.toISOString()}">${text}</time>`

// A right-to-left name does not reorder the text around it (Unicode UAX #9, isolates).
const isolatedName = ({ name }: Device) => ({ name: `\u2068${name}\u2069` })

function facts({ model, status, createdAt, lastSeenAt }: Device, language: Language): Html {
  const { devices } = textsIn(language)
  const day = (at: Date) => when(at, dateIn(language, at))
  return html`<dl>
${[
  term(devices.model, html`<bdi>${model}</bdi>`),
  term(devices.addedAt, day(createdAt)),
  term(devices.lastUsed, lastSeenAt ? day(lastSeenAt) : devices.never),
  term(devices.status, devices.statuses[status]),
]}
</dl>`
}

function listItem(device: Device, language: Language): Html {
  const { id, name } = device
  const { unregister } = textsIn(language).devices
  return html`<li>
<h2><bdi>${name}</bdi></h2>
${facts(device, language)}
<a class="button quiet" href="${devicePath(id)}">${fill(unregister, isolatedName(device))}</a>
</li>`
}

const signOut = (language: Language) => html`<form method="post" action="${signOutPath}">
<button class="quiet">${textsIn(language).devices.signOut}</button>
</form>`

/** The user's devices. */
export function devicesPage(
  { userName, tenantName, expiresAt }: PortalSession,
  devices: readonly Device[],
  language: Language,
): Page {
  const texts = textsIn(language).devices
  const list = html`<ul class="devices">
${devices.map((device) => listItem(device, language))}
</ul>`
  const signedIn = filledHtml(texts.signedInAs, {
    user: html`<bdi>${userName}</bdi>`,
    tenant: html`<bdi>${tenantName}</bdi>`,
    time: when(expiresAt, timeIn(language, expiresAt)),
  })
  return {
    title: texts.title,
    language,
    body: html`<p>${signedIn}</p>
${devices.length > 0 ? list : html`<p>${texts.none}</p>`}
${signOut(language)}`,
  }
}

/** Asks for confirmation before a device is unregistered; nothing has happened yet. */
export function confirmPage(device: Device, language: Language): Page {
  const { confirm } = textsIn(language)
  const choices = personalReasons.map(
    (reason, at) =>
      html`<label><input type="radio" name="reason" value="${reason}" required${
        at === 0 ? html` checked` : noHtml
      }>${confirm.reasons[reason]}</label>`,
  )
  return {
    title: fill(confirm.title, isolatedName(device)),
    language,
    body: html`<p>${confirm.what}</p>
${facts(device, language)}
<form method="post" action="${devicePath(device.id)}">
<fieldset>
<legend>${confirm.why}</legend>
${choices}
</fieldset>
<div class="row">
<button class="danger">${confirm.go}</button>
<a class="button quiet" href="${devicesPath}">${confirm.back}</a>
</div>
</form>`,
  }
}

/**
 * Says that a device is unregistered, and what to do next; `others` are the remaining devices of
 * the user.
 */
export function unregisteredPage(
  device: Device,
  others: readonly Device[],
  language: Language,
): Page {
  const { result: resultTexts } = textsIn(language)
  const isLeft = others.some(({ status }) => status === 'active')
  const steps = [
    ...resultTexts.steps[device.unregisterReason ?? 'admin'],
    isLeft ? resultTexts.others : resultTexts.noOther,
  ]
  return {
    title: fill(resultTexts.title, isolatedName(device)),
    language,
    body: html`<p>${resultTexts.what}</p>
<h2>${resultTexts.next}</h2>
<ul>
${steps.map((step) => html`<li>${step}</li>`)}
</ul>
<div class="row">
<a class="button" href="${devicesPath}">${resultTexts.back}</a>
${signOut(language)}
</div>`,
  }
}

/** Says that the session is over. */
export function signedOutPage(language: Language): Page {
  const { title, what } = textsIn(language).signedOut
  return { title, language, body: html`<p>${what}</p>` }
}
