// What a curious person sees of a prompt, without what differs at each load.

import type { PromptBrowser } from './prompt-scene.ts'

/** A page without its address, its number and the time that is left. */
const withoutChanges = (text: string, path: string) =>
  text
    .replaceAll(path, '{path}')
    .replace(/aria-hidden="true">[^<]+</, '{number}')
    .replace(/class="heard">[\d, ]+</, '{digits}')
    .replace(/data-left="\d+">[^<]+</, '{left}')

const hidden = ['date', 'request-id', 'set-cookie', 'location', 'content-length']

/** What an answer says, with the names of its cookies and the lengths that it hides. */
export function viewOf(
  { status, headers, text }: Pick<Response, 'status' | 'headers'> & { readonly text: string },
  path: string,
) {
  const shownHeaders = [...headers].filter(([name]) => !hidden.includes(name)).toSorted()
  const cookies = headers.getSetCookie().map((cookie) => [cookie.split('=')[0], cookie.length])
  const bodyLength = headers.get('content-length')
  return [status, shownHeaders, cookies, bodyLength, withoutChanges(text, path)]
}

/** The answers to all that can be pressed on the pages of a running prompt. */
export async function whatIsShown({
  browser,
  path,
}: {
  readonly browser: PromptBrowser
  readonly path: string
}) {
  const views: unknown[] = []
  const see = (answer: Awaited<ReturnType<PromptBrowser['read']>>) => {
    views.push(viewOf(answer, path))
  }
  see(await browser.read(path))
  see(await browser.post(`${path}/again`))
  see(await browser.read(`${path}?sent=again`))
  see(await browser.post(`${path}/more`))
  see(await browser.read(path))
  see(await browser.read(`${path}/code`))
  return views
}
