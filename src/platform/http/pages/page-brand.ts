// What a tenant's branding adds to a page: its name and logo above, its help below, its colors.

import type { Brand } from '../../../domain/branding.ts'
import { Html, html, noHtml } from './html.ts'

/** Where the logo of a tenant is; an address names bytes, so that it can be kept for long. */
export const logoPath = (tenantId: string) => `/t/${tenantId}/logo`

/** The colors, as a style sheet after that of every page; they are six digits (domain/branding). */
export function brandStyle({ accent: { light, dark } }: Pick<Brand, 'accent'>): string {
  return `:root{--accent:light-dark(${light},${dark})}`
}

const addressOf = ({ tenantId }: Brand, { hash }: { readonly hash: string }) =>
  `${logoPath(tenantId)}?v=${hash}`

/**
 * The colors as an element, whose hash the policy of the page contains, and the logo as the icon of
 * the page: where a policy lets a browser load images, it asks for `/favicon.ico` otherwise.
 */
export function brandHead(brand: Brand | null): Html {
  if (brand === null) return noHtml
  const { logo } = brand
  const icon = logo === null ? noHtml : html`<link rel="icon" href="${addressOf(brand, logo)}">\n`
  return html`${icon}${new Html(`<style>${brandStyle(brand)}</style>`)}\n`
}

/** Name and logo. The name is said once: the picture has no text of its own. */
export function brandHeader(brand: Brand | null): Html {
  if (brand === null) return noHtml
  const { displayName, logo } = brand
  const picture =
    logo === null
      ? noHtml
      : html`<img src="${addressOf(brand, logo)}" alt="" width="${logo.width}" height="${
          logo.height
        }">`
  return html`<p class="brand">${picture}<bdi>${displayName}</bdi></p>\n`
}

/** The lines of help. */
export function brandHelp(brand: Brand | null): Html {
  if (brand === null || brand.help.length === 0) return noHtml
  const lines = brand.help.map((line) => html`<p dir="auto">${line}</p>`)
  return html`\n<footer class="help">${lines}</footer>`
}
