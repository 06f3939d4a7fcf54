// The description of the API, and a page to read it on.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import helmet from '@fastify/helmet'
import { fixedAnswer } from '../fixed-answer.ts'
import type { HttpApp } from '../http-app.ts'
import { toYaml } from '../openapi-document.ts'
import { nothing, publicOperation } from '../operation.ts'
import { shownText } from '../schemas/text.ts'

// Everything the page needs is served from here; no external address is ever named, and plain http
// on loopback keeps working.
const pagePolicy = [
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
  "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Countersign API</title>
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
<link rel="stylesheet" href="/docs/static/index.css">
<link rel="icon" type="image/png" href="/docs/static/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/static/swagger-ui-bundle.js"></script>
<script src="/docs/static/swagger-initializer.js"></script>
</body>
</html>
`

// The base layout has no bar with a logo and a field for other addresses.
const options = {
  dom_id: '#swagger-ui',
  url: '/docs/json',
  deepLinking: true,
  validatorUrl: null,
  docExpansion: 'list',
  tryItOutEnabled: false,
  layout: 'BaseLayout',
}
const bundleCall = `SwaggerUIBundle(${JSON.stringify(options)})`
const initializer = `window.onload = () => { window.ui = ${bundleCall} }\n`

const files: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'index.css': 'text/css; charset=utf-8',
  'favicon-32x32.png': 'image/png',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
}

const { resolve } = createRequire(import.meta.url)
const readAsset = (name: string) => readFile(resolve(`@fastify/swagger-ui/static/${name}`))

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
    fixedAnswer({ type: 'application/yaml', build: () => toYaml(app.swagger()) }),
  )
  app.register((scope, _scopeOptions, ready) => {
    scope.register(helmet, { contentSecurityPolicy: false, strictTransportSecurity: false })
    pages(scope)
    ready()
  })
  done()
}

function pages(app: HttpApp): void {
  const hiddenRoute = { schema: { hide: true } }
  const html = 'text/html; charset=utf-8'
  const headers = { 'content-security-policy': pagePolicy }
  const script = files['swagger-ui-bundle.js'] ?? ''
  app.get('/docs', hiddenRoute, fixedAnswer({ type: html, headers, build: () => page }))
  app.get('/docs/', hiddenRoute, (_request, reply) => reply.redirect('/docs'))
  app.get(
    '/docs/json',
    hiddenRoute,
    fixedAnswer({ type: 'application/json', build: () => JSON.stringify(app.swagger()) }),
  )
  app.get(
    '/docs/yaml',
    hiddenRoute,
    fixedAnswer({ type: 'application/yaml', build: () => toYaml(app.swagger()) }),
  )
  app.get(
    '/docs/static/swagger-initializer.js',
    hiddenRoute,
    fixedAnswer({ type: script, build: () => initializer }),
  )
  for (const [name, type] of Object.entries(files)) {
    app.get(
      `/docs/static/${name}`,
      hiddenRoute,
      fixedAnswer({ type, build: () => readAsset(name) }),
    )
  }
}
