import { z } from 'zod'
import type { HttpApp } from '../http-app.ts'
import { publicOperation } from '../operation.ts'
import { html } from '../pages/html.ts'
import { type Page, sendPage } from '../pages/page.ts'
import { wantsPage } from '../pages/problem-page.ts'

const name = 'Countersign'

/**
 * Addresses that somebody who knows nothing may begin with. No version: it would tell strangers
 * what to try.
 */
const addresses = { documentation: '/docs', description: '/openapi.yaml', health: '/health/ready' }

const homeBody = z
  .object({
    name: z.string(),
    documentation: z.string(),
    description: z.string(),
    health: z.string(),
  })
  .meta({ id: 'Home', description: 'What this is, and where to go on.' })

const page: Page = {
  title: name,
  lang: 'en',
  body: html`<p>This is a server that asks people on their phones whether a sign-in is really theirs. It has no page to sign in.</p>
<ul>
<li><a href="${addresses.documentation}">Documentation of its API</a></li>
<li><a href="${addresses.health}">Whether it is ready</a></li>
</ul>
<p class="soft">If you came here to unregister a lost phone, ask the help desk of your organisation for a link.</p>`,
}

/** `/`: browsers get a page, programs the same as JSON. */
export function homeRoutes(app: HttpApp, _options: object, done: () => void): void {
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
