import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const web = 'demo/web'

/** The two pages, by their address. */
const pages: Readonly<Record<string, string>> = {
  '/': `${web}/sign-in/sign-in.html`,
  '/inbox': `${web}/inbox/inbox.html`,
}

/**
 * The files that browsers may load, under their path in this project, so that imports resolve the
 * same here and there.
 */
const servedPattern = /^demo\/web\/[a-z/-]+\.(?:ts|css|svg)$/

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ts': 'text/javascript; charset=utf-8',
}

export type PageFile = {
  readonly body: string
  readonly contentType: string
  readonly isPage: boolean
}

const strippedTexts = new Map<string, string>()

/**
 * The file behind an address, or undefined when browsers may not load it. TypeScript is served
 * without its types.
 */
export async function readPageFile(address: string): Promise<PageFile | undefined> {
  const name = pages[address] ?? address.slice(1)
  const isPage = address in pages
  if (!isPage && !servedPattern.test(name)) return undefined
  const text = await readFile(path.join(root, name), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const contentType = contentTypes[path.extname(name)] ?? 'application/octet-stream'
  return { body: name.endsWith('.ts') ? strip(text) : text, contentType, isPage }
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
 * Content Security Policy 3 of the pages: nothing but files of this server, no script in a page, no
 * text that is parsed as HTML, no frame.
 */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')
