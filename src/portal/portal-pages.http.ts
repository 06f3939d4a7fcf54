// The pages of the portal. Names of people, tenants and devices are user input: `html` escapes
// them, `bdi` isolates their direction.

import { type Device, personalReasons } from '../domain/device.ts'
import type { PortalSession } from '../domain/portal.ts'
import { type Html, html, noHtml } from '../platform/http/pages/html.ts'
import { devicesPath, type Page } from '../platform/http/pages/page.ts'
import { english as texts } from '../platform/http/pages/page-texts.ts'

const { lang } = texts

/** Path of one device. */
export const devicePath = (id: string) => `${devicesPath}/devices/${id}`
/** Path that ends a session. */
export const signOutPath = `${devicesPath}/sign-out`

/**
 * The page of a link: the same for every link, existing or not. Its form is sent to its own
 * address, so that the page contains no secret.
 */
export const linkPage: Page = {
  title: texts.link.title,
  lang,
  body: html`<p>${texts.link.about}</p>
<p>${texts.link.nothingYet}</p>
<form method="post"><button>${texts.link.go}</button></form>
<p class="soft">${texts.link.notYours}</p>`,
}

const term = (name: string, value: string | Html) => html`<dt>${name}</dt><dd>${value}</dd>`
const when = (at: Date) => html`<time datetime="${at.toISOString()}">${texts.date(at)}</time>`

function facts({ model, status, createdAt, lastSeenAt }: Device): Html {
  const { devices } = texts
  return html`<dl>
${[
  term(devices.model, html`<bdi>${model}</bdi>`),
  term(devices.addedAt, when(createdAt)),
  term(devices.lastUsed, lastSeenAt ? when(lastSeenAt) : devices.never),
  term(devices.status, devices.statuses[status]),
]}
</dl>`
}

function listItem(device: Device): Html {
  const { id, name } = device
  return html`<li>
<h2><bdi>${name}</bdi></h2>
${facts(device)}
<a class="button quiet" href="${devicePath(id)}">${texts.devices.unregister(name)}</a>
</li>`
}

const signOut = html`<form method="post" action="${signOutPath}">
<button class="quiet">${texts.devices.signOut}</button>
</form>`

/** The user's devices. */
export function devicesPage(session: PortalSession, devices: readonly Device[]): Page {
  const [asWhom, at, until] = texts.devices.signedInAs
  const { userName, tenantName, expiresAt } = session
  const list = html`<ul class="devices">
${devices.map(listItem)}
</ul>`
  return {
    title: texts.devices.title,
    lang,
    body: html`<p>${asWhom}<bdi>${userName}</bdi>${at}<bdi>${tenantName}</bdi>${until}<time
datetime="${expiresAt.toISOString()}">${texts.time(expiresAt)}</time>.</p>
${devices.length > 0 ? list : html`<p>${texts.devices.none}</p>`}
${signOut}`,
  }
}

/** Asks for confirmation before a device is unregistered; nothing has happened yet. */
export function confirmPage(device: Device): Page {
  const { confirm } = texts
  const choices = personalReasons.map(
    (reason, at) =>
      html`<label><input type="radio" name="reason" value="${reason}" required${
        at === 0 ? html` checked` : noHtml
      }>${confirm.reasons[reason]}</label>`,
  )
  return {
    title: confirm.title(device.name),
    lang,
    body: html`<p>${confirm.what}</p>
${facts(device)}
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
export function unregisteredPage(device: Device, others: readonly Device[]): Page {
  const { result: resultTexts } = texts
  const isLeft = others.some(({ status }) => status === 'active')
  const steps = [
    ...resultTexts.steps[device.unregisterReason ?? 'admin'],
    isLeft ? resultTexts.others : resultTexts.noOther,
  ]
  return {
    title: resultTexts.title(device.name),
    lang,
    body: html`<p>${resultTexts.what}</p>
<h2>${resultTexts.next}</h2>
<ul>
${steps.map((step) => html`<li>${step}</li>`)}
</ul>
<div class="row">
<a class="button" href="${devicesPath}">${resultTexts.back}</a>
${signOut}
</div>`,
  }
}

/** Says that the session is over. */
export const signedOutPage: Page = {
  title: texts.signedOutPage.title,
  lang,
  body: html`<p>${texts.signedOutPage.what}</p>`,
}
