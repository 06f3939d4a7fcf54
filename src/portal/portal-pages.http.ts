// The pages of a link and of the devices.

import type { Challenge } from '../domain/challenge.ts'
import { type Device, personalReasons } from '../domain/device.ts'
import { type PortalSession, portalAccessOf } from '../domain/portal.ts'
import { filledHtml, type Html, html, noHtml } from '../platform/http/pages/html.ts'
import { devicesPath, type Page } from '../platform/http/pages/page.ts'
import { fill } from '../platform/texts/fill.ts'
import { type Language, textsIn } from '../platform/texts/texts.ts'
import { deviceSettingsPath } from './portal-device-pages.http.ts'
import {
  dayOf,
  isolate,
  isolatedName,
  limitedNote,
  minuteOf,
  momentOf,
  portalPaths,
  term,
} from './portal-page-parts.http.ts'
import { signInFacts, signInPath } from './portal-sign-in-pages.http.ts'

/** Path of one device. */
export const devicePath = (id: string) => `${portalPaths.devices}/${id}`
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

/** Days, or moments where devices of one name have to be told apart. */
function facts(
  { model, status, createdAt, lastSeenAt }: Device,
  language: Language,
  formatOf: typeof dayOf,
): Html {
  const { devices } = textsIn(language)
  const moment = (at: Date) => formatOf(at, language)
  return html`<dl>
${[
  term(devices.model, isolate(model)),
  term(devices.addedAt, moment(createdAt)),
  term(devices.lastUsed, lastSeenAt ? moment(lastSeenAt) : devices.never),
  term(devices.status, devices.statuses[status]),
]}
</dl>`
}

function listItem(device: Device, mayAll: boolean, language: Language): Html {
  const { id, name } = device
  const { devices, portal } = textsIn(language)
  const { unregister } = devices
  const settings = mayAll ? portal.settings.link : portal.settings.suspendLink
  return html`<li class="card">
<h2>${isolate(name)}</h2>
${facts(device, language, momentOf)}
<a class="button quiet" href="${devicePath(id)}">${fill(unregister, isolatedName(device))}</a>
<a href="${deviceSettingsPath(id)}">${fill(settings, isolatedName(device))}</a>
</li>`
}

const signOut = (language: Language) => html`<form method="post" action="${signOutPath}">
<button class="quiet">${textsIn(language).devices.signOut}</button>
</form>`

function newestSection(newest: Challenge, devices: readonly Device[], language: Language): Html {
  const { portal } = textsIn(language)
  return html`<h2>${portal.newest.title}</h2>
<p>${portal.newest.about}</p>
${signInFacts(newest, devices, language)}
<p><a class="button quiet" href="${signInPath(newest.id)}">${portal.wasNotMe}</a></p>
<h2>${textsIn(language).devices.title}</h2>`
}

function placesSection(mayAll: boolean, language: Language): Html {
  const { title, ...names } = textsIn(language).portal.places
  const all = Object.keys(names) as (keyof typeof names)[]
  const places = mayAll ? all : (['signIns', 'activities'] as const)
  return html`<nav aria-label="${title}">
<h2>${title}</h2>
<ul>
${places.map((place) => html`<li><a href="${portalPaths[place]}">${names[place]}</a></li>`)}
</ul>
</nav>`
}

/** The user's devices and the newest sign-in, from where all other pages are reached. */
export function devicesPage(
  session: PortalSession,
  devices: readonly Device[],
  newest: Challenge | undefined,
  language: Language,
): Page {
  const texts = textsIn(language).devices
  const { userName, tenantName, expiresAt } = session
  const mayAll = portalAccessOf(session) === 'everything'
  const list = html`<ul class="devices cards">
${devices.map((device) => listItem(device, mayAll, language))}
</ul>`
  const signedIn = filledHtml(texts.signedInAs, {
    user: isolate(userName),
    tenant: isolate(tenantName),
    time: minuteOf(expiresAt, language),
  })
  return {
    title: texts.title,
    language,
    body: html`<p>${signedIn}</p>
${mayAll ? noHtml : limitedNote(language)}
${mayAll && newest ? newestSection(newest, devices, language) : noHtml}
${devices.length > 0 ? list : html`<p>${texts.none}</p>`}
${placesSection(mayAll, language)}
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
${facts(device, language, dayOf)}
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
