// The look of the pages that the service writes: that of all faces, and what only these pages have.

import { readFileSync } from 'node:fs'

const look = new URL('../../../../web/look/look.css', import.meta.url)

/** Comments and indents are for those who read the source. */
const compact = (css: string) => css.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\n\s*/g, '\n')

const pages = `
main { padding: clamp(1rem, 3vh, 4rem) 1rem 2rem }
.row form { margin: 0 }
fieldset {
  border: 1px solid var(--line); border-radius: .75rem; padding: .25rem 1rem .5rem;
  margin: 0 0 1rem; min-inline-size: 0;
}
legend { padding: 0 .25rem; font-weight: 600 }
fieldset label {
  display: flex; gap: .75rem; align-items: center; min-block-size: 2.75rem; font-weight: 400;
}
input[type=radio] {
  inline-size: 1.25rem; block-size: 1.25rem; min-block-size: 0; margin: 0; padding: 0; flex: none;
  accent-color: var(--accent);
}
form > label { display: block; margin-block-end: .25rem }
form > input { margin-block-end: 1rem }
.card dl { margin-block-end: .5rem }
.card a:not(.button), nav a {
  display: inline-flex; align-items: center; min-block-size: 2.75rem;
}
.card > .button { margin-inline-end: 1rem }
nav ul { list-style: none; padding: 0; columns: 15rem; margin: 0 0 .5rem }
.brand { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem; font-weight: 600 }
.brand img {
  inline-size: auto; block-size: auto; max-inline-size: 12rem; max-block-size: 3rem;
  padding: .25rem; border-radius: .25rem; background: #fff;
}
.help {
  margin-block-start: 2rem; border-block-start: 1px solid var(--line); padding-block-start: 1rem;
}
.help p { margin-block-end: .25rem; color: var(--soft) }
.error { font-weight: 600 }
p.code { margin: 0 0 .75rem }
ol.code { font-size: 1rem; letter-spacing: 0; padding-inline-start: 2.5rem }
.qr svg { display: block; inline-size: 100%; max-inline-size: 13rem; block-size: auto }
.qr { margin-block-end: .75rem }
summary { cursor: pointer; padding-block: .6rem }
.languages { margin: 1rem 0 0 }
.languages a { display: inline-flex; align-items: center; min-block-size: 2.75rem }
/* On a small phone, what a person came for and the way out are seen together. */
@media (max-width: 26rem) {
  h1 { font-size: 1.25rem; margin-block-end: .75rem }
  p, dl, .row { margin-block-end: .75rem }
  .row { gap: .5rem }
  button.quiet { padding-inline: .75rem }
}
@media print { .row, form, a { display: none } }
`

/** The style sheet of every page. */
export const pageStyle = compact(readFileSync(look, 'utf8') + pages)
