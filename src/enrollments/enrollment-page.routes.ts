import type { HttpApp } from '../platform/http/http-app.ts'
import { publicOperation } from '../platform/http/operation.ts'
import { html } from '../platform/http/pages/html.ts'
import { type Page, sendPage } from '../platform/http/pages/page.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageText } from '../platform/http/schemas/text.ts'

const page: Page = {
  title: 'Scan this code with your sign-in app',
  lang: 'en',
  body: html`<p>This address is meant for the scanner inside the app, not for a browser or the
camera of the phone.</p>
<p>Open the app that your organisation gave you for approving sign-ins, choose to add an account
there, and point it at the QR code. If you have no camera at hand, type the code next to it.</p>
<p>Nothing has happened yet: the code still works, until it expires.</p>`,
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
        answers: { 200: { description: 'A page.', schema: pageText, type: 'text/html' } },
      }),
      (_request, reply) => sendPage(reply, page, 'none'),
    )
  }
  done()
}
