// Style and script of the page that shows the description of the API.

/** Colors keep 4.5:1 (WCAG 2.2, 1.4.3) in both schemes. */
export const docsStyle = `
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --paper: #ffffff; --soft: #57606a; --line: #d0d7de; --shade: #f3f5f7;
  --accent: #0a5cc2; --get: #0a5cc2; --post: #1a6b36; --put: #8a5300; --delete: #b3261e;
  font: 1rem/1.5 system-ui, sans-serif; scroll-padding-top: 1rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --paper: #14181d; --soft: #a3adb8; --line: #3a424b; --shade: #1d232a;
    --accent: #79b8ff; --get: #79b8ff; --post: #7ee2a0; --put: #f0b45b; --delete: #ff9d94;
  }
}
* { box-sizing: border-box }
body {
  margin: 0; color: var(--ink); background: var(--paper); overflow-wrap: anywhere;
  display: grid; grid-template-columns: minmax(16rem, 22rem) minmax(0, 1fr);
}
nav {
  position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem;
  border-right: 1px solid var(--line); background: var(--shade); font-size: .875rem;
}
nav ul { list-style: none; margin: 0 0 1rem; padding: 0 }
nav li a { display: block; padding: .2rem 0; color: var(--ink); text-decoration: none }
nav li a:hover { text-decoration: underline }
nav h2 { font-size: .875rem; margin: 0 0 .25rem }
main { max-width: 60rem; padding: 1rem 2rem 4rem }
h1 { font-size: 1.75rem; margin: 0 0 1rem }
h1 small { color: var(--soft); font-size: 1rem; font-weight: 400 }
main h2 { margin: 2.5rem 0 .5rem; text-transform: capitalize }
h4 { margin: 1rem 0 .25rem }
p { margin: .25rem 0 .5rem }
a { color: var(--accent) }
.soft { color: var(--soft) }
#search {
  width: 100%; font: inherit; font-size: 1rem; padding: .5rem .75rem; margin: 0 0 1rem;
  color: var(--ink); background: var(--paper); border: 1px solid var(--soft); border-radius: .5rem;
}
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: 0 1rem }
details[open] { padding-bottom: .75rem }
summary { cursor: pointer; padding: .5rem 0 }
.call > summary > span:last-child { display: block; color: var(--soft) }
.method { font: 600 .75rem ui-monospace, monospace; text-transform: uppercase; color: var(--soft) }
.get { color: var(--get) } .post { color: var(--post) } .put, .patch { color: var(--put) }
.delete { color: var(--delete) }
code, pre { font: .875em/1.45 ui-monospace, monospace }
pre { background: var(--shade); padding: .75rem; border-radius: .5rem; white-space: pre-wrap }
dl { margin: .25rem 0 }
dt { font-weight: 600; margin-top: .5rem }
dd { margin: 0 0 0 1rem }
[hidden] { display: none !important }
:target { outline: 2px solid var(--accent); outline-offset: 2px }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
@media (max-width: 50rem) {
  body { display: block }
  nav { position: static; height: auto; max-height: 50vh; border-bottom: 1px solid var(--line) }
  main { padding: 1rem }
}
`

/**
 * Finds operations, callers, problems and schemas that have every word of the query, and opens what
 * a link leads to. The text of an operation includes the schemas that it uses.
 */
export const docsScript = `
const search = document.getElementById('search')
const none = document.getElementById('none')
const links = new Map([...document.querySelectorAll('nav li a')].map((link) => [link.hash, link]))
const entries = [...document.querySelectorAll(
  'main > section > details, main > section > dl > dt',
)].map((target) => {
  const about = target.localName === 'dt' ? target.nextElementSibling : null
  const row = links.get('#' + target.id)?.parentElement
  return { shown: [target, about, row].filter(Boolean), target, text: textOf(target, about) }
})
function textOf(target, about) {
  const parts = new Set(about ? [target, about] : [target])
  if (target.classList.contains('call'))
    for (const part of parts)
      for (const { hash } of part.querySelectorAll('a[href^="#schema-"]'))
        parts.add(document.getElementById(hash.slice(1)))
  return [...parts].map((part) => part.textContent).join(' ').toLowerCase()
}
function filter() {
  const words = search.value.toLowerCase().split(/\\s+/)
  let matches = 0
  for (const { shown, text } of entries) {
    const isMatch = words.every((word) => text.includes(word))
    for (const element of shown) element.hidden = !isMatch
    matches += isMatch
  }
  for (const section of document.querySelectorAll('main > section')) {
    const isEmpty = !section.querySelector(
      ':scope > details:not([hidden]), :scope > dl > dt:not([hidden])',
    )
    section.hidden = isEmpty
    const row = links.get('#' + section.querySelector('h2').id)?.parentElement
    if (row) row.hidden = isEmpty
  }
  for (const section of document.querySelectorAll('nav section'))
    section.hidden = !section.querySelector('li:not([hidden])')
  none.hidden = matches > 0
}
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (!target) return
  if (target.closest('[hidden]')) { search.value = ''; filter() }
  if (target instanceof HTMLDetailsElement) target.open = true
  target.scrollIntoView()
}
search.hidden = false
search.addEventListener('input', filter)
search.addEventListener('keydown', ({ key }) => {
  const first = entries.find(({ target }) => !target.hidden)
  if (key === 'Enter' && first) location.hash = first.target.id
})
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target === search) return
  event.preventDefault()
  search.focus()
})
addEventListener('hashchange', openTarget)
openTarget()
`
