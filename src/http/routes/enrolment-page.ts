import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { HttpApp } from '../http-app.ts'
import { publicOperation } from '../operation.ts'
import { idParams } from '../schemas/ids.ts'

const style = `
:root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif }
main { max-width: 32rem; margin: 15vh auto 0; padding: 0 1.5rem }
h1 { font-size: 1.5rem; line-height: 1.25 }
`

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Scan this code with your sign-in app</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Scan this code with your sign-in app</h1>
<p>This address is meant for the scanner inside the app, not for a browser or the camera of the phone.</p>
<p>Open the app that your organisation gave you for approving sign-ins, choose to add an account there, and point it at
the QR code. If you have no camera at hand, type the code that stands beside it.</p>
<p>Nothing has happened yet: the code still works, until it expires.</p>
</main>
</body>
</html>
`

const hash = createHash('sha256').update(style).digest('base64')
const pagePolicy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/**
 * For people who open the address of a QR code. The code stands behind the `#`, which browsers keep to themselves; the page
 * is the same for every tenant, there or not.
 */
export function enrolmentPageRoutes(app: HttpApp, _options: object, done: () => void): void {
  app.get(
    '/t/:tenantId/enrol',
    publicOperation({
      operationId: 'readEnrolmentPage',
      tag: 'operations',
      summary: 'What a person sees who opens the address of a QR code in a browser',
      params: idParams('tenantId', 'tenant', 'The tenant.'),
      answers: { 200: { description: 'A page.', schema: z.string(), type: 'text/html' } },
    }),
    (_request, reply) =>
      reply
        .headers({ 'content-security-policy': pagePolicy, 'referrer-policy': 'no-referrer' })
        .type('text/html; charset=utf-8')
        .send(page),
  )
  done()
}
