// A second window of a phone's size, beside the one with the page.

import { el } from './dom.ts'

const width = 420
const heightMax = 860

/** Right of this window where the screen has room there. */
function placeBeside(): string {
  const { screenX, screenY, outerWidth, outerHeight, screen } = globalThis.window
  const x = Math.max(0, Math.min(screenX + outerWidth, screen.availWidth - width))
  const height = Math.min(heightMax, Math.max(outerHeight, 640))
  return `popup,noopener,width=${width},height=${height},left=${x},top=${screenY}`
}

/** A link that opens in a window beside this one; with Ctrl, Shift or ⌘ where the browser likes. */
export function besideLink(
  address: string,
  ...content: readonly (Node | string)[]
): HTMLAnchorElement {
  const open = (event: Event) => {
    if (!(event instanceof MouseEvent) || event.ctrlKey || event.shiftKey || event.metaKey) return
    event.preventDefault()
    window.open(address, '_blank', placeBeside())
  }
  const attributes = { class: 'button plain', href: address, target: '_blank', rel: 'noopener' }
  return el('a', { ...attributes, onclick: open }, ...content)
}
