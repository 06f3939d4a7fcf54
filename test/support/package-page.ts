// A package in a browser, without a bundler: its files as they are, found by an import map.

import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { openChromium } from '../../demo/chromium.ts'
import type { InstalledClient } from './packed-client.ts'

export type PackagePage = {
  readonly client: InstalledClient
  readonly packageName: string
  /** The path of the package's files, and what the page calls its exports. */
  readonly name: string
  /** The README, whose import map is used. */
  readonly readme: string
  /** Where calls of paths with this prefix are passed on to. */
  readonly passOn: { readonly prefix: string; readonly origin: string }
}

/** Opens a page that has imported the package; what it exports is a global. */
export async function openPackagePage(
  executablePath: string,
  options: PackagePage,
): Promise<AsyncDisposable & { readonly page: Page }> {
  const stack = new AsyncDisposableStack()
  const server = servePackage(options)
  stack.defer(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await openChromium(executablePath)
  stack.defer(() => browser.close())
  const page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return { page, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

function servePackage({ client, packageName, name, readme, passOn }: PackagePage) {
  const folders = {
    [`/${name}/`]: client.packageFolder,
    '/jose/': path.join(client.home, 'node_modules/jose'),
  }
  const imports = /<script type="importmap">([\s\S]+?)<\/script>/.exec(readme)?.[1]
  const html = `<!doctype html><script type="importmap">${imports}</script>
    <script type="module">
      import * as ${name} from '${packageName}'
      Object.assign(globalThis, { ${name} })
    </script>`
  return createServer(async (request, response) => {
    const url = request.url ?? '/'
    if (url.startsWith(passOn.prefix)) {
      const answer = await callInstead(request, passOn.origin)
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(await answer.text())
      return
    }
    const [prefix, folder] = Object.entries(folders).find(([one]) => url.startsWith(one)) ?? []
    if (!prefix || !folder) {
      response.setHeader('content-type', 'text/html').end(html)
      return
    }
    response.setHeader('content-type', 'text/javascript')
    response.end(await readFile(path.join(folder, url.slice(prefix.length))))
  })
}

async function callInstead(request: IncomingMessage, origin: string): Promise<Response> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { 'device-proof': proof, 'content-type': type } = request.headers
  return fetch(`${origin}${request.url}`, {
    method: request.method ?? 'GET',
    headers: {
      ...(proof && { 'device-proof': String(proof) }),
      ...(type && { 'content-type': type }),
    },
    ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
  })
}
