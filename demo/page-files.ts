import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const web = 'demo/web'

/** The three pages, by their address. */
const pages: Readonly<Record<string, string>> = {
  '/': `${web}/side-by-side/side-by-side.html`,
  '/sign-in': `${web}/sign-in/sign-in.html`,
  '/phone': `${web}/phone/phone.html`,
}

/**
 * The files that browsers may load, under their path in this project, so that imports resolve the
 * same here and there: the pages, the device's side of the protocol with the library that it uses,
 * and how a push is read.
 */
const servedPatterns = [
  /^demo\/web\/[a-z/-]+\.(?:ts|css|svg)$/,
  /^clients\/device\/src\/[a-z-]+\.ts$/,
  /^simulator\/wake-up\.ts$/,
  /^node_modules\/jose\/dist\/webapi\/[a-z0-9_/]+\.js$/,
]

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.js': 'text/javascript; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
}

export type PageFile = {
  readonly body: string
  readonly contentType: string
  /** For pages: their policies. */
  readonly policy: string | null
}

const strippedTexts = new Map<string, string>()

/**
 * The file behind an address, or undefined when browsers may not load it. TypeScript is served
 * without its types.
 */
export async function readPageFile(address: string): Promise<PageFile | undefined> {
  const name = pages[address] ?? address.slice(1)
  const isPage = address in pages
  if (!isPage && !servedPatterns.some((pattern) => pattern.test(name))) return undefined
  const text = await readFile(path.join(root, name), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const contentType = contentTypes[path.extname(name)] ?? 'application/octet-stream'
  const body = name.endsWith('.ts') ? strip(text) : text
  return { body, contentType, policy: isPage ? contentPolicy(text) : null }
}

/** Positions stay as they are, so a browser's debugger shows the source's lines. */
function strip(text: string): string {
  const cachedFile = strippedTexts.get(text)
  if (cachedFile !== undefined) return cachedFile
  const script = stripTypeScriptTypes(text)
  strippedTexts.set(text, script)
  return script
}

/**
 * Content Security Policy 3: nothing but files of this server, no script in a page except its
 * import map (which browsers take from the page only, hence its hash), no text that is parsed as
 * HTML.
 */
function contentPolicy(page: string): string {
  const importMap = /<script type="importmap">([\s\S]*?)<\/script>/.exec(page)?.[1]
  const hash = importMap && ` 'sha256-${createHash('sha256').update(importMap).digest('base64')}'`
  return [
    "default-src 'none'",
    `script-src 'self'${hash ?? ''}`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-src 'self'",
    "frame-ancestors 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}
