import type { HttpApp } from '../platform/http/http-app.ts'
import { publicOperation } from '../platform/http/operation.ts'
import { html } from '../platform/http/pages/html.ts'
import { type Page, sendPage } from '../platform/http/pages/page.ts'
import { pageLanguageOf, pageQuery } from '../platform/http/pages/page-language.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageText } from '../platform/http/schemas/text.ts'
import { type Language, textsIn } from '../platform/texts/texts.ts'

function page(language: Language): Page {
  const { title, notHere, how, nothingYet } = textsIn(language).enrollment
  return {
    title,
    language,
    body: html`<p>${notHere}</p>
<p>${how}</p>
<p>${nothingYet}</p>`,
  }
}

/**
 * For people who open the address of a QR code. The code is behind the `#`, which browsers do not
 * send; the page is the same for every tenant, existing or not. Printed codes hold the former path,
 * which is served permanently.
 */
export function enrollmentPageRoutes(app: HttpApp, _options: object, done: () => void): void {
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
        querystring: pageQuery,
        answers: { 200: { description: 'A page.', schema: pageText, type: 'text/html' } },
      }),
      (request, reply) => sendPage(reply, page(pageLanguageOf(request)), 'none'),
    )
  }
  done()
}
