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

/** The answers to all that can be pressed on the pages of a running prompt. */
export async function whatIsShown({
  browser,
  path,
}: {
  readonly browser: PromptBrowser
  readonly path: string
}) {
  const views: unknown[] = []
  const see = ({ status, headers, text }: Awaited<ReturnType<PromptBrowser['read']>>) => {
    const shownHeaders = [...headers].filter(([name]) => !hidden.includes(name)).toSorted()
    views.push([status, shownHeaders, withoutChanges(text, path)])
  }
  see(await browser.read(path))
  see(await browser.post(`${path}/again`))
  see(await browser.read(`${path}?sent=again`))
  see(await browser.post(`${path}/more`))
  see(await browser.read(path))
  see(await browser.read(`${path}/code`))
  return views
}
