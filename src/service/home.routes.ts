import { z } from 'zod'
import type { HttpApp } from '../platform/http/http-app.ts'
import { publicOperation } from '../platform/http/operation.ts'
import { type Html, html, noHtml } from '../platform/http/pages/html.ts'
import { type Page, sendPage } from '../platform/http/pages/page.ts'
import { wantsPage } from '../platform/http/pages/problem-page.ts'
import { shownText } from '../platform/http/schemas/text.ts'

const name = 'Countersign'

/** Addresses to begin with. No version: unauthenticated clients would learn from it what to try. */
const docs = { documentation: '/docs', description: '/openapi.yaml' }
const health = '/health/ready'

const homeBody = z
  .object({
    name: shownText(name),
    documentation: shownText(docs.documentation).exactOptional(),
    description: shownText(docs.description).exactOptional(),
    health: shownText(health),
  })
  .meta({ id: 'Home', description: 'What this is, and where to go on.' })

const pageWith = (link: Html): Page => ({
  title: name,
  lang: 'en',
  body: html`<p>This is a server that asks people on their phones whether a sign-in is really
theirs. It has no page to sign in.</p>
<ul>
${link}<li><a href="${health}">Whether it is ready</a></li>
</ul>
<p class="soft">If you came here to unregister a lost phone, ask the help desk of your organisation
for a link.</p>`,
})
const docsLink = html`<li><a href="${docs.documentation}">Documentation of its API</a></li>
`

/** `/`: browsers get a page, programs the same as JSON. */
export function homeRoutes(
  app: HttpApp,
  { apiDocs }: { readonly apiDocs: boolean },
  done: () => void,
): void {
  const page = pageWith(apiDocs ? docsLink : noHtml)
  const addresses = { ...(apiDocs && docs), health }
  app.get(
    '/',
    {
      exposeHeadRoute: true,
      ...publicOperation({
        operationId: 'readHome',
        tag: 'operations',
        summary: 'What this is, and where to go on; a page for browsers',
        answers: { 200: { description: 'The addresses to begin with.', schema: homeBody } },
      }),
    },
    (request, reply) =>
      wantsPage(request) ? sendPage(reply, page, 'none') : { name, ...addresses },
  )
  done()
}
