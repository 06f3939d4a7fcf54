// The pages of the portal. Names of people, tenants and devices are what somebody typed: `html`
// escapes them, `bdi` keeps their direction.

import type { Device } from '../../domain/device.ts'
import type { PortalSession } from '../../domain/portal.ts'
import { type Html, html, noHtml } from './html.ts'
import type { Page } from './page.ts'
import { choosableReasons, english as words } from './portal-words.ts'

const { lang } = words

/** Where the devices are. */
export const devicesPath = '/me'
/** Where one device is. */
export const devicePath = (id: string) => `${devicesPath}/devices/${id}`
/** Where a session ends. */
export const signOutPath = `${devicesPath}/sign-out`

/**
 * What a link shows: the same for every link, there or not. Its form is sent to its own address, so
 * that the page names no secret.
 */
export const linkPage: Page = {
  title: words.link.title,
  lang,
  body: html`<p>${words.link.about}</p>
<p>${words.link.nothingYet}</p>
<form method="post"><button>${words.link.go}</button></form>
<p class="soft">${words.link.notYours}</p>`,
}

const term = (name: string, value: string | Html) => html`<dt>${name}</dt><dd>${value}</dd>`
const when = (at: Date) => html`<time datetime="${at.toISOString()}">${words.date(at)}</time>`

function facts({ model, status, createdAt, lastSeenAt }: Device): Html {
  const { devices } = words
  return html`<dl>
${[
  term(devices.model, html`<bdi>${model}</bdi>`),
  term(devices.added, when(createdAt)),
  term(devices.lastUsed, lastSeenAt ? when(lastSeenAt) : devices.never),
  term(devices.status, devices.statuses[status]),
]}
</dl>`
}

function listed(device: Device): Html {
  const { id, name } = device
  return html`<li>
<h2><bdi>${name}</bdi></h2>
${facts(device)}
<a class="button quiet" href="${devicePath(id)}">${words.devices.unregister(name)}</a>
</li>`
}

const signOut = html`<form method="post" action="${signOutPath}">
<button class="quiet">${words.devices.signOut}</button>
</form>`

/** The user's devices. */
export function devicesPage(session: PortalSession, devices: readonly Device[]): Page {
  const [asWhom, at, until] = words.devices.whose
  const { userName, tenantName, expiresAt } = session
  const list = html`<ul class="devices">
${devices.map(listed)}
</ul>`
  return {
    title: words.devices.title,
    lang,
    body: html`<p>${asWhom}<bdi>${userName}</bdi>${at}<bdi>${tenantName}</bdi>${until}<time
datetime="${expiresAt.toISOString()}">${words.time(expiresAt)}</time>.</p>
${devices.length > 0 ? list : html`<p>${words.devices.none}</p>`}
${signOut}`,
  }
}

/** Asks once more before a device goes; nothing has happened. */
export function confirmPage(device: Device): Page {
  const { confirm } = words
  const choices = choosableReasons.map(
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
 * Says that a device is gone, and what comes next; `others` are the user's devices that are left.
 */
export function unregisteredPage(device: Device, others: readonly Device[]): Page {
  const { done } = words
  const isLeft = others.some(({ status }) => status === 'active')
  const steps = [
    ...done.steps[device.unregisterReason ?? 'admin'],
    isLeft ? done.others : done.noOther,
  ]
  return {
    title: done.title(device.name),
    lang,
    body: html`<p>${done.what}</p>
<h2>${done.next}</h2>
<ul>
${steps.map((step) => html`<li>${step}</li>`)}
</ul>
<div class="row">
<a class="button" href="${devicesPath}">${done.back}</a>
${signOut}
</div>`,
  }
}

/** Says that the session is over. */
export const signedOutPage: Page = {
  title: words.signedOut.title,
  lang,
  body: html`<p>${words.signedOut.what}</p>`,
}
