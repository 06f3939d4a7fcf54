// Every page of the service is one file, which loads nothing, cannot be framed and works without
// script.

import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { type Language, textsIn } from '../../texts/texts.ts'
import { Html, html, noHtml } from './html.ts'
import { languageHeaders } from './page-language.ts'

/** The page of the user's devices, where a person goes on from any other page. */
export const devicesPath = '/me'

// Colors keep 4.5:1 (WCAG 2.2, 1.4.3) in both schemes; targets have 44 px (2.5.5); nothing scrolls
// sideways at 320 px (1.4.10).
const style = `
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --paper: #ffffff; --soft: #57606a; --line: #8c959f;
  --accent: #0a5cc2; --on-accent: #ffffff; --danger: #b3261e; --on-danger: #ffffff;
  font: 1.0625rem/1.5 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --paper: #14181d; --soft: #a3adb8; --line: #6e7781;
    --accent: #79b8ff; --on-accent: #0b1620; --danger: #ff9d94; --on-danger: #2b0906;
  }
}
* { box-sizing: border-box }
body { margin: 0; color: var(--ink); background: var(--paper); overflow-wrap: anywhere }
main { max-width: 36rem; margin: clamp(1.5rem, 8vh, 6rem) auto; padding: 0 1rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem }
h2 { font-size: 1.125rem; line-height: 1.3; margin: 0 0 .5rem }
p, ul, dl, fieldset, form { margin: 0 0 1rem }
.row form { margin: 0 }
.soft, dt { color: var(--soft) }
.devices, .cards { list-style: none; padding: 0 }
.devices > li, .cards > li {
  border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 0 0 1rem;
}
dl { display: grid; grid-template-columns: minmax(5rem, max-content) 1fr; gap: .125rem 1rem }
dd { margin: 0 }
fieldset { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem 1rem }
legend { padding: 0 .25rem; font-weight: 600 }
fieldset label { display: flex; gap: .75rem; align-items: center; min-height: 2.75rem }
input[type=radio] {
  width: 1.25rem; height: 1.25rem; margin: 0; flex: none; accent-color: var(--accent);
}
.devices > li > a, .cards > li > a, nav a {
  display: inline-flex; align-items: center; min-height: 2.75rem;
}
.devices > li > .button { margin: 0 1rem .5rem 0 }
nav ul { list-style: none; padding: 0 }
form > label { display: block }
input:not([type=radio]):not([type=hidden]) {
  display: block; width: 100%; max-width: 24rem; min-height: 2.75rem; margin: 0 0 1rem;
  padding: .5rem .75rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: .5rem;
}
.error { color: var(--danger); font-weight: 600 }
.code { font: 600 1.375rem/1.6 ui-monospace, monospace; letter-spacing: .05em }
ol.code { font-size: 1rem; letter-spacing: 0; padding: 0 0 0 2.5rem }
.qr svg { display: block; width: 100%; max-width: 15rem; height: auto }
a { color: var(--accent) }
button, a.button {
  display: inline-flex; align-items: center; min-height: 2.75rem; padding: .5rem 1.25rem;
  font: inherit; font-weight: 600; text-decoration: none; cursor: pointer;
  border: 1px solid transparent; border-radius: .5rem;
  color: var(--on-accent); background: var(--accent); max-width: 100%; overflow-wrap: anywhere;
}
.danger { color: var(--on-danger); background: var(--danger) }
a.button.quiet, button.quiet {
  color: var(--ink); background: transparent; border-color: var(--line);
}
.row { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px }
@media print { .row, form, a { display: none } }
@media (forced-colors: active) { button, a.button { border-color: ButtonText } }
`

const sourceOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const styleSource = sourceOf(style)

/**
 * What a page may do: show itself, run the one script that we wrote for it and, where it has forms,
 * send them to its own origin.
 */
function pagePolicy({ script, fetches = false }: Page, forms: 'none' | 'self'): string {
  return [
    "default-src 'none'",
    `style-src ${styleSource}`,
    ...(script === undefined ? [] : [`script-src ${sourceOf(script)}`]),
    ...(fetches ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    `form-action '${forms}'`,
    "frame-ancestors 'none'",
  ].join('; ')
}

export type Page = {
  readonly title: string
  readonly language: Language
  readonly body: Html
  /** A constant text of ours, which makes something easier that works without it. */
  readonly script?: string
  /** Whether the script asks our own origin something. */
  readonly fetches?: boolean
  /** After which the page is loaded again, for what is waited for; a press is never repeated. */
  readonly refreshSeconds?: number
}

// The elements whose text is not escaped: it is ours, and the policy contains its hash.
const styleSheet = new Html(`<style>${style}</style>`)

const scriptOf = (script: string | undefined) =>
  script === undefined ? noHtml : new Html(`<script>${script}</script>\n`)

/** Where a script waits, the page is loaded again only in browsers that run none. */
function refreshOf({ refreshSeconds: seconds, script }: Page): Html {
  if (seconds === undefined) return noHtml
  const refresh = html`<meta http-equiv="refresh" content="${seconds}">`
  return script === undefined ? html`${refresh}\n` : html`<noscript>${refresh}</noscript>\n`
}

function documentOf(page: Page): string {
  const { title, language, body, script } = page
  return html`<!doctype html>
<html lang="${language}" dir="${textsIn(language).direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refreshOf(page)}<title>${title}</title>
${styleSheet}
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
${scriptOf(script)}</body>
</html>
`.text
}

/**
 * Answers with a page. It sends its address to nobody as a referrer, and no window of another
 * origin keeps a reference to it.
 */
export function sendPage<Reply extends FastifyReply>(
  reply: Reply,
  page: Page,
  forms: 'none' | 'self' = 'self',
): Reply {
  reply
    .headers({
      'content-security-policy': pagePolicy(page, forms),
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      ...languageHeaders(reply, page.language),
    })
    .type('text/html; charset=utf-8')
    .send(documentOf(page))
  return reply
}
