// The description of the API, and a page to read it on.

import { type FixedAnswer, fixedAnswer } from '../../platform/http/fixed-answer.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { nothing, publicOperation } from '../../platform/http/operation.ts'
import { shownText } from '../../platform/http/schemas/text.ts'
import type { ApiDescription } from './docs-page.ts'

// Everything the page needs is served from here; no external address is ever named, and plain http
// on loopback keeps working.
const pagePolicy = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none'",
  "form-action 'none'; frame-ancestors 'none'",
].join('; ')

/** /docs and /openapi.yaml. Big, and open to anybody: each is built once. */
export function docsRoutes(app: HttpApp, _options: object, done: () => void): void {
  app.get(
    '/openapi.yaml',
    publicOperation({
      operationId: 'readOpenApi',
      tag: 'operations',
      summary: 'This description',
      answers: {
        200: {
          description: 'OpenAPI 3.1.',
          schema: shownText('openapi: 3.1.0\n...'),
          type: 'application/yaml',
        },
        304: nothing('The copy of the caller is still valid.'),
      },
    }),
    fixedAnswer({ type: 'application/yaml', build: () => yamlOf(app) }),
  )
  pages(app)
  done()
}

function pages(app: HttpApp): void {
  const hiddenRoute = { schema: { hide: true } }
  const headers = {
    'content-security-policy': pagePolicy,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  }
  const answers: Readonly<Record<string, FixedAnswer>> = {
    '/docs': { type: 'text/html; charset=utf-8', headers, build: () => buildPage(app) },
    '/docs/docs.css': {
      type: 'text/css; charset=utf-8',
      build: async () => (await import('./docs-assets.ts')).docsStyle,
    },
    '/docs/search.js': {
      type: 'text/javascript; charset=utf-8',
      build: async () => (await import('./docs-assets.ts')).docsScript,
    },
    '/docs/json': {
      type: 'application/json',
      build: async () => JSON.stringify(await app.describeApi()),
    },
    '/docs/yaml': { type: 'application/yaml', build: () => yamlOf(app) },
  }
  for (const [path, answer] of Object.entries(answers))
    app.get(path, hiddenRoute, fixedAnswer(answer))
  app.get('/docs/', hiddenRoute, (_request, reply) => reply.redirect('/docs'))
}

async function yamlOf(app: HttpApp): Promise<string> {
  const { toYaml } = await import('../../platform/http/openapi-document.ts')
  return toYaml(await app.describeApi())
}

// Loaded when somebody asks: most processes never show it.
async function buildPage(app: HttpApp): Promise<string> {
  const { docsPage } = await import('./docs-page.ts')
  return docsPage((await app.describeApi()) as unknown as ApiDescription)
}
