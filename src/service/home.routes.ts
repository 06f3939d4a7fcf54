import { z } from 'zod'
import type { HttpApp } from '../platform/http/http-app.ts'
import { publicOperation } from '../platform/http/operation.ts'
import { html } from '../platform/http/pages/html.ts'
import { type Page, sendPage } from '../platform/http/pages/page.ts'
import { pageLanguageOf, pageQuery } from '../platform/http/pages/page-language.ts'
import { wantsPage } from '../platform/http/pages/problem-page.ts'
import { shownText } from '../platform/http/schemas/text.ts'
import { type Language, textsIn } from '../platform/texts/texts.ts'

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

const item = (address: string, text: string) => html`<li><a href="${address}">${text}</a></li>`

function page(language: Language, apiDocs: boolean): Page {
  const texts = textsIn(language).home
  const links = [
    ...(apiDocs ? [item(docs.documentation, texts.documentation)] : []),
    item(health, texts.ready),
  ]
  return {
    title: name,
    language,
    body: html`<p>${texts.about}</p>
<ul>
${links}
</ul>
<p class="soft">${texts.lostPhone}</p>`,
  }
}

/** `/`: browsers get a page, programs the same as JSON. */
export function homeRoutes(
  app: HttpApp,
  { apiDocs }: { readonly apiDocs: boolean },
  done: () => void,
): void {
  const addresses = { ...(apiDocs && docs), health }
  app.get(
    '/',
    {
      exposeHeadRoute: true,
      ...publicOperation({
        operationId: 'readHome',
        tag: 'operations',
        summary: 'What this is, and where to go on; a page for browsers',
        querystring: pageQuery,
        answers: { 200: { description: 'The addresses to begin with.', schema: homeBody } },
      }),
    },
    (request, reply) =>
      wantsPage(request)
        ? sendPage(reply, page(pageLanguageOf(request), apiDocs), 'none')
        : { name, ...addresses },
  )
  done()
}
