// What the pages of the portal have in common. Names of people, tenants, devices and applications
// are the input of others: `html` escapes them, `bdi` isolates their direction.

import type { FastifyReply } from 'fastify'
import type { Refusal } from '../domain/refusal.ts'
import { type Html, html, noHtml } from '../platform/http/pages/html.ts'
import { devicesPath, type Page, sendPage } from '../platform/http/pages/page.ts'
import { sendRefusalPage, wantsPage } from '../platform/http/pages/problem-page.ts'
import { problemHeaders } from '../platform/http/problem.ts'
import { dateIn, type Language, textsIn, timeIn } from '../platform/texts/texts.ts'

/** Addresses of pages, by what they are about. */
export const portalPaths = {
  devices: `${devicesPath}/devices`,
  signIns: `${devicesPath}/sign-ins`,
  activities: `${devicesPath}/activities`,
  reported: `${devicesPath}/reported`,
  phones: `${devicesPath}/phones`,
  notifications: `${devicesPath}/notifications`,
  pause: `${devicesPath}/pause`,
  codes: `${devicesPath}/codes`,
  data: `${devicesPath}/data`,
  verify: `${devicesPath}/verify`,
} as const

/** A term and its value in a list of facts. */
export const term = (name: string, value: string | Html) => html`<dt>${name}</dt><dd>${value}</dd>`

/** A text of others, which cannot reorder the text around it. */
export const isolate = (text: string) => html`<bdi>${text}</bdi>`

const timeOf = (at: Date, text: string) => html`<time datetime="${at.toISOString()}">${text}</time>`

/** A day. */
export const dayOf = (at: Date, language: Language) => timeOf(at, dateIn(language, at))
/** A time of the day. */
export const minuteOf = (at: Date, language: Language) => timeOf(at, timeIn(language, at))
/** A day and a time. */
export const momentOf = (at: Date, language: Language) =>
  timeOf(at, `${dateIn(language, at)}, ${timeIn(language, at)}`)

/**
 * A name in a text that is no HTML, such as a title: isolates (Unicode UAX #9) keep a right-to-left
 * name from reordering it.
 */
export const isolatedName = ({ name }: { readonly name: string }) => ({
  name: `\u2068${name}\u2069`,
})

/** The way back to the devices. */
export const backLink = (language: Language) =>
  html`<p><a href="${devicesPath}">${textsIn(language).portal.back}</a></p>`

/** Says what a session that a device opened may do. */
export const limitedNote = (language: Language) =>
  html`<p class="note">${textsIn(language).portal.limited}</p>`

/**
 * For pages that wait: asks for the page until it has another title, so that it is not read out
 * again and again, and presses the button of a form that only goes on. Titles hold no character
 * that is escaped.
 */
export const followScript = `const form=document.querySelector("form[data-go]");
const ask=async()=>{try{const answer=await fetch(location.href);
const title=/<h1>(.*?)<\\/h1>/s.exec(await answer.text());
if(answer.status<500&&title?.[1]!==document.querySelector("h1").innerHTML)return location.reload()
}catch{}setTimeout(ask,2000)};
if(form)form.submit();else setTimeout(ask,2000)`

/** A form of one button. */
export const buttonForm = (action: string, text: string, kind = '') =>
  html`<form method="post" action="${action}"><button class="${kind}">${text}</button></form>`

/** What went wrong with the last press, above everything else. */
export function errorOf(refusal: Refusal | undefined, language: Language): Html {
  if (refusal === undefined) return noHtml
  return html`<p class="error" role="alert">${textsIn(language).problems[refusal.refused]}</p>`
}

/** Radio buttons of one name; the first one, or `value`, is chosen. */
export function radios(
  name: string,
  choices: readonly (readonly [value: string, text: string | Html])[],
  choice = choices[0]?.[0],
): readonly Html[] {
  return choices.map(
    ([value, text]) =>
      html`<label><input type="radio" name="${name}" value="${value}" required${
        value === choice ? html` checked` : noHtml
      }><span>${text}</span></label>`,
  )
}

/**
 * Sends the page again that the refused form is on, with the status of the refusal; programs get
 * the problem document.
 */
export function sendFormAgain<Reply extends FastifyReply>(
  reply: Reply,
  refusal: Refusal,
  page: Page,
): Reply {
  if (!wantsPage(reply.request)) return sendRefusalPage(reply, refusal)
  problemHeaders(reply, refusal.refused, refusal)
  return sendPage(reply, page)
}
