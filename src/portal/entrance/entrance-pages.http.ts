// The pages of a sign-in by a device of one's own. They say the same of every name.

import type { ChallengeContext } from '../../domain/challenge-context.ts'
import type { PendingSignIn, PortalSignInState } from '../../domain/portal-sign-in.ts'
import { filledHtml, html } from '../../platform/http/pages/html.ts'
import { devicesPath, type Page } from '../../platform/http/pages/page.ts'
import { identifierLengthMax } from '../../platform/http/schemas/text.ts'
import { type Language, textsIn } from '../../platform/texts/texts.ts'
import { followScript, isolate, minuteOf } from '../portal-page-parts.http.ts'

/** Where a browser begins, for the users of a relying party. */
export const entrancePath = (tenantId: string, rpId: string) => `/t/${tenantId}/me/sign-in/${rpId}`
/** Where it waits: its cookie says for what. */
export const waitingPath = `${devicesPath}/waiting`

/** Seconds after which the page of a browser without script loads itself again. */
const refreshSeconds = 5

/** What the device shows of the question. */
export function entranceContext(ip: string, language: Language): ChallengeContext {
  const { title, action } = textsIn(language).portal.entrance
  return { application: title, action, ip }
}

/** Asks for the name. */
export function entrancePage(tenantName: string, path: string, language: Language): Page {
  const { entrance } = textsIn(language).portal
  const tenant = isolate(tenantName)
  return {
    title: entrance.title,
    language,
    body: html`<p>${filledHtml(entrance.about, { tenant })}</p>
<form method="post" action="${path}">
<label for="name">${entrance.name}</label>
<input id="name" name="name" maxlength="${identifierLengthMax}" required dir="auto"
autocomplete="username" autocapitalize="none" spellcheck="false">
<button>${entrance.go}</button>
</form>
<p class="soft">${filledHtml(entrance.needs, { tenant })}</p>`,
  }
}

/** Shows the number, waits, and lets the person in. */
export function waitingPage(
  { tenantId, rpId, number, expiresAt }: PendingSignIn,
  state: PortalSignInState,
  language: Language,
): Page {
  const { entrance } = textsIn(language).portal
  const again = html`<p><a href="${entrancePath(tenantId, rpId)}">${entrance.again}</a></p>`
  const until = filledHtml(entrance.until, { time: minuteOf(expiresAt, language) })
  const pages: Readonly<Record<PortalSignInState, Page>> = {
    waiting: {
      language,
      ...{ refreshSeconds, script: followScript, fetches: true },
      title: entrance.waiting,
      body: html`<p>${entrance.waitingWhat}</p>
<p class="code">${number}</p>
<p role="status">${until}</p>
<p class="soft">${entrance.noAnswer}</p>
${again}`,
    },
    approved: {
      language,
      script: followScript,
      title: entrance.approved,
      body: html`<form method="post" action="${waitingPath}" data-go="">
<button>${entrance.enter}</button>
</form>`,
    },
    over: {
      language,
      title: entrance.over,
      body: html`<p role="status">${entrance.overWhat}</p>\n${again}`,
    },
  }
  return pages[state]
}
