import type { HttpApp } from '../platform/http/http-app.ts'
import { publicOperation } from '../platform/http/operation.ts'
import { type Html, html, noHtml } from '../platform/http/pages/html.ts'
import { type Page, sendPage } from '../platform/http/pages/page.ts'
import { linkQuery, pageLanguageOf } from '../platform/http/pages/page-language.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageText } from '../platform/http/schemas/text.ts'
import { type Language, textsIn } from '../platform/texts/texts.ts'
import type { AppLinkOptions } from './app-links.routes.ts'

/** The code is in the fragment, which only a script can carry over. */
const carryToApp = "document.getElementById('open-app').hash = location.hash"
/** Tenant and code are handed over in the fragment, which is sent to no server. */
const carryToBrowser = `
const [, code] = /^#([\\w-]{43})$/.exec(location.hash) ?? []
const button = document.getElementById('use-browser')
if (code) button.hash = location.pathname.split('/')[2] + '/' + code
`

type Ways = { readonly isLinked: boolean; readonly authenticator: string | null }

/**
 * Chromium keeps a link to the host of the page in the browser, unless it opens in a new tab
 * without a referrer; Safari always does, and offers the app above the page instead.
 */
function openApp(language: Language): Html {
  const { openApp: text, openedAgain } = textsIn(language).enrollment
  return html`<p><a class="button" id="open-app" href="enroll" target="_blank"
rel="noopener noreferrer">${text}</a></p>
<p class="soft">${openedAgain}</p>`
}

function useBrowser(language: Language, address: string): Html {
  const { useBrowser: text, useBrowserWhen } = textsIn(language).enrollment
  return html`<p><a class="button quiet" id="use-browser" href="${address}">${text}</a></p>
<p class="soft">${useBrowserWhen}</p>`
}

function page(language: Language, { isLinked, authenticator }: Ways): Page {
  const { title, how, nothingYet, notHere } = textsIn(language).enrollment
  const scripts = [
    ...(isLinked ? [carryToApp] : []),
    ...(authenticator === null ? [] : [carryToBrowser]),
  ]
  return {
    ...(scripts.length > 0 && { script: scripts.join('\n') }),
    title,
    language,
    body: html`${isLinked ? openApp(language) : noHtml}
${isLinked || authenticator !== null ? noHtml : html`<p>${notHere}</p>`}
<p>${how}</p>
${authenticator === null ? noHtml : useBrowser(language, authenticator)}
<p>${nothingYet}</p>`,
  }
}

export type EnrollmentPageOptions = AppLinkOptions & {
  readonly publicOrigin: string
  /** Address of the app in which a browser is the device; null where there is none. */
  readonly authenticator: string | null
}

/**
 * For people who open the address of a QR code. The code is behind the `#`, which browsers do not
 * send; the page is the same for every tenant, existing or not. Printed codes hold the former path,
 * which is served permanently.
 */
export function enrollmentPageRoutes(
  app: HttpApp,
  { linkedApps, publicOrigin, authenticator }: EnrollmentPageOptions,
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
      (request, reply) =>
        sendPage(reply, page(pageLanguageOf(request), { isLinked, authenticator }), 'none'),
    )
  }
  done()
}
