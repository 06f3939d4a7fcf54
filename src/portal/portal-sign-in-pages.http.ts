import type { Activity } from '../activities/activity.store.ts'
import type { Challenge } from '../domain/challenge.ts'
import type { Device } from '../domain/device.ts'
import type { PortalAccess } from '../domain/portal.ts'
import { filledHtml, type Html, html, noHtml } from '../platform/http/pages/html.ts'
import { devicesPath, type Page } from '../platform/http/pages/page.ts'
import { type Language, textsIn } from '../platform/texts/texts.ts'
import {
  backLink,
  buttonForm,
  isolate,
  momentOf,
  portalPaths,
  term,
} from './portal-page-parts.http.ts'

/** Path of one sign-in. */
export const signInPath = (id: string) => `${portalPaths.signIns}/${id}`
/** Path of one activity. */
export const activityPath = (id: string) => `${portalPaths.activities}/${id}`

type Named = Pick<Device, 'id' | 'name'>

const nameOf = (devices: readonly Named[], id: string | null) =>
  devices.find((device) => device.id === id)?.name

/** A term where there is a value. */
const termOf = (name: string, text: string | undefined) =>
  text === undefined ? [] : [term(name, isolate(text))]

const fieldsOf = (fields: readonly { readonly label: string; readonly value: string }[] = []) =>
  fields.map(({ label, value }) => html`<dt>${isolate(label)}</dt><dd>${isolate(value)}</dd>`)

/** A sign-in as the person was asked about it, and its outcome. */
export function signInFacts(
  { context, status, createdAt, decidedDeviceId }: Challenge,
  devices: readonly Named[],
  language: Language,
): Html {
  const { signIns: texts } = textsIn(language).portal
  const { application, action, location, ip, userAgent, fields, transaction } = context
  return html`<dl>
${[
  ...termOf(texts.application, application),
  ...termOf(texts.action, action),
  ...termOf(texts.payment, transaction && `${transaction.amount} ${transaction.currency}`),
  ...termOf(texts.payee, transaction?.payee),
  ...termOf(texts.location, location),
  ...termOf(texts.ip, ip),
  ...termOf(texts.userAgent, userAgent),
  ...fieldsOf(fields),
  term(texts.when, momentOf(createdAt, language)),
  term(texts.outcome, texts.statuses[status]),
  ...termOf(texts.device, nameOf(devices, decidedDeviceId)),
]}
</dl>`
}

/** A text among the details of an activity. */
const textOf = (detail: unknown) => (typeof detail === 'string' ? detail : undefined)

function activityFacts(activity: Activity, devices: readonly Named[], language: Language): Html {
  const { activities: texts, signIns } = textsIn(language).portal
  const { actor, deviceId, details, posted, occurredAt } = activity
  const [kind = ''] = actor.split(':')
  const by = texts.actors[kind as keyof typeof texts.actors]
  const claim = posted
    ? html`<p class="soft">${filledHtml(texts.claim, { name: isolate(posted.relyingParty.name) })}
</p>
<p><strong>${isolate(posted.title)}</strong></p>
${posted.message === undefined ? noHtml : html`<p>${isolate(posted.message)}</p>`}`
    : noHtml
  return html`${claim}
<dl>
${[
  ...fieldsOf(posted?.fields),
  term(signIns.when, momentOf(occurredAt, language)),
  term(texts.by, by),
  ...termOf(signIns.device, nameOf(devices, deviceId) ?? textOf(details.name)),
]}
</dl>`
}

const activityTitle = ({ type }: Activity, language: Language) =>
  textsIn(language).portal.activities.types[type]

/** A page of a list, and where the next one begins. */
export type Listed<Item> = { readonly items: readonly Item[]; readonly nextCursor: string | null }

function listPage(
  texts: { readonly title: string; readonly about: string },
  items: readonly Html[],
  nextPath: string | null,
  language: Language,
): Page {
  const { none, older } = textsIn(language).portal
  const next = nextPath === null ? noHtml : html`<p><a href="${nextPath}">${older}</a></p>`
  return {
    title: texts.title,
    language,
    body: html`<p>${texts.about}</p>
${items.length > 0 ? html`<ul class="cards">\n${items}\n</ul>` : html`<p>${none}</p>`}
${next}
${backLink(language)}`,
  }
}

const nextOf = (path: string, { nextCursor }: Listed<unknown>) =>
  nextCursor === null ? null : `${path}?cursor=${nextCursor}`

const reportLink = (path: string, access: PortalAccess, language: Language) =>
  access === 'everything'
    ? html`<a href="${path}">${textsIn(language).portal.wasNotMe}</a>`
    : noHtml

/** The sign-ins that the user was asked about. */
export function signInsPage(
  list: Listed<Challenge>,
  devices: readonly Named[],
  access: PortalAccess,
  language: Language,
): Page {
  const { signIns } = textsIn(language).portal
  const items = list.items.map(
    (challenge) => html`<li class="card">${signInFacts(challenge, devices, language)}
${reportLink(signInPath(challenge.id), access, language)}</li>`,
  )
  return listPage(signIns, items, nextOf(portalPaths.signIns, list), language)
}

/** Everything that happened to the user. */
export function activitiesPage(
  list: Listed<Activity>,
  devices: readonly Named[],
  access: PortalAccess,
  language: Language,
): Page {
  const { activities } = textsIn(language).portal
  const items = list.items.map(
    (activity) => html`<li class="card"><h2>${activityTitle(activity, language)}</h2>
${activityFacts(activity, devices, language)}
${reportLink(activityPath(activity.id), access, language)}</li>`,
  )
  return listPage(activities, items, nextOf(portalPaths.activities, list), language)
}

function reportPage(facts: Html, path: string, language: Language): Page {
  const { report } = textsIn(language).portal
  return {
    title: report.title,
    language,
    body: html`${facts}
<p>${report.what}</p>
<div class="row">
${buttonForm(path, report.go, 'danger')}
<a class="button quiet" href="${devicesPath}">${report.stay}</a>
</div>`,
  }
}

/** Asks once more before a sign-in is reported. */
export const reportSignInPage = (
  challenge: Challenge,
  devices: readonly Named[],
  language: Language,
) => reportPage(signInFacts(challenge, devices, language), signInPath(challenge.id), language)

/** Asks once more before an activity is reported. */
export const reportActivityPage = (
  activity: Activity,
  devices: readonly Named[],
  language: Language,
) =>
  reportPage(
    html`<h2>${activityTitle(activity, language)}</h2>
${activityFacts(activity, devices, language)}`,
    activityPath(activity.id),
    language,
  )

/** Says that something is reported, and what to do next. */
export function reportedPage(language: Language): Page {
  const { report } = textsIn(language).portal
  return {
    title: report.done,
    language,
    body: html`<p role="status">${report.next}</p>
${backLink(language)}`,
  }
}
