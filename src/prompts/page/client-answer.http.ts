// The answer to a client, as its browser carries it: in an address, or as a form that is posted.

import type { FastifyReply } from 'fastify'
import type { Brand } from '../../domain/branding.ts'
import { html } from '../../platform/http/pages/html.ts'
import { type Page, sendPage } from '../../platform/http/pages/page.ts'
import { type Language, textsIn } from '../../platform/texts/texts.ts'
import type { ClientAnswer } from '../answer-client.ts'

// Presses the button for the person.
const press = 'document.forms[0].submit()'

/** Posts the parameters to the redirect URI; by a button where there is no script. */
function postingPage(
  redirectUri: string,
  parameters: ClientAnswer['parameters'],
  language: Language,
): Page {
  const { goingBack } = textsIn(language).prompt
  const fields = Object.entries(parameters).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  return {
    title: goingBack.title,
    language,
    script: press,
    body: html`<form method="post" action="${redirectUri}">
${fields}
<button>${goingBack.go}</button>
</form>`,
  }
}

/** The redirect URI with the parameters in its query; what it had stays (RFC 6749, 3.1.2). */
function addressOf(redirectUri: string, parameters: ClientAnswer['parameters']): string {
  const url = new URL(redirectUri)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.append(name, value)
  return url.href
}

/** Sends the browser back to the client, to its registered redirect URI and to nowhere else. */
export function sendClientAnswer(
  reply: FastifyReply,
  { to: { redirectUri, responseMode, state }, parameters }: ClientAnswer,
  language: Language,
  brand: Brand | null = null,
): FastifyReply {
  const all = { ...parameters, ...(state !== null && { state }) }
  reply.header('cache-control', 'no-store')
  if (responseMode === 'query') return reply.redirect(addressOf(redirectUri, all), 303)
  const { origin } = new URL(redirectUri)
  const page = { ...postingPage(redirectUri, all, language), brand }
  return sendPage(reply, page, { origins: [origin] })
}
