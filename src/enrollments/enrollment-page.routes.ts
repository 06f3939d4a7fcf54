import type { HttpApp } from '../platform/http/http-app.ts'
import { publicOperation } from '../platform/http/operation.ts'
import { html } from '../platform/http/pages/html.ts'
import { type Page, sendPage } from '../platform/http/pages/page.ts'
import { linkQuery, pageLanguageOf } from '../platform/http/pages/page-language.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageText } from '../platform/http/schemas/text.ts'
import { type Language, textsIn } from '../platform/texts/texts.ts'
import type { AppLinkOptions } from './app-links.routes.ts'

/** The code is in the fragment, which only a script can carry over. */
const carryCode = "document.getElementById('open-app').hash = location.hash"

/**
 * Chromium keeps a link to the host of the page in the browser, unless it opens in a new tab
 * without a referrer; Safari always does, and offers the app above the page instead.
 */
function openingOf(language: Language, isLinked: boolean): Pick<Page, 'body' | 'script'> {
  const { notHere, openApp, openedAgain } = textsIn(language).enrollment
  if (!isLinked) return { body: html`<p>${notHere}</p>` }
  const body = html`<p><a class="button" id="open-app" href="enroll" target="_blank"
rel="noopener noreferrer">${openApp}</a></p>
<p class="soft">${openedAgain}</p>`
  return { body, script: carryCode }
}

function page(language: Language, isLinked: boolean): Page {
  const { title, how, nothingYet } = textsIn(language).enrollment
  const { body, ...rest } = openingOf(language, isLinked)
  return {
    ...rest,
    title,
    language,
    body: html`${body}
<p>${how}</p>
<p>${nothingYet}</p>`,
  }
}

export type EnrollmentPageOptions = AppLinkOptions & { readonly publicOrigin: string }

/**
 * For people who open the address of a QR code. The code is behind the `#`, which browsers do not
 * send; the page is the same for every tenant, existing or not. Printed codes hold the former path,
 * which is served permanently.
 */
export function enrollmentPageRoutes(
  app: HttpApp,
  { linkedApps, publicOrigin }: EnrollmentPageOptions,
  done: () => void,
): void {
  // Systems verify https links only.
  const isLinked = linkedApps.length > 0 && publicOrigin.startsWith('https:')
  for (const [path, operationId] of [
    ['/t/:tenantId/enroll', 'readEnrollmentPage'],
    ['/t/:tenantId/enrol', 'readFormerEnrollmentPage'],
  ] as const) {
    app.get(
      path,
      publicOperation({
        operationId,
        tag: 'operations',
        summary: 'What a person sees who opens the address of a QR code in a browser',
        params: idParams('tenantId', 'tenant', 'The tenant.'),
        querystring: linkQuery,
        answers: { 200: { description: 'A page.', schema: pageText, type: 'text/html' } },
      }),
      (request, reply) => sendPage(reply, page(pageLanguageOf(request), isLinked), 'none'),
    )
  }
  done()
}
