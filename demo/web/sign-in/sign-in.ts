// Entry of the sign-in page: keeps the screen in step with the company's server.

import type { SignInView } from '../../sign-in-view.ts'
import { el, icon, show } from '../dom.ts'
import { approveScreen } from './approve-screen.ts'
import { enrollScreen } from './enroll-screen.ts'
import { formScreen } from './form-screen.ts'
import { readView, ServerRefusal } from './larkfield-server.ts'
import { refusedScreen, signedInScreen } from './outcome-screens.ts'
import type { Page, StepScreen } from './page.ts'

const retryMs = 1500

const step = place('step')
const happenings = place('happenings')
const outage = place('outage')
const words = place('words')

let current: { readonly key: string; readonly screen: StepScreen } | null = null
let version = -1
let offsetMs = 0
let reading = new AbortController()

const page: Page = {
  apply: (view) => {
    apply(view)
    // The pending wait belongs to the previous session.
    reading.abort()
  },
  say: (text) => words.replaceChildren(text),
  offsetMs: () => offsetMs,
}

function place(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no place ${id}`)
  return element
}

/** A step with the same key is the same step with other contents. */
function keyOf({ step: { name, ...rest }, user }: SignInView): string {
  const thing = 'uri' in rest ? rest.uri : 'id' in rest ? rest.id : ''
  return `${name} ${user} ${thing}`
}

function screenOf(view: SignInView): StepScreen {
  switch (view.step.name) {
    case 'form':
      return formScreen(page, view.step)
    case 'enroll':
      return enrollScreen(page, view.step, view.user)
    case 'approve':
      return approveScreen(page, view.step)
    case 'signed_in':
      return signedInScreen(page, view.step, view.user)
    case 'refused':
      return refusedScreen(page, view.step)
  }
}

function apply(view: SignInView): void {
  version = view.version
  offsetMs = Date.parse(view.now) - Date.now()
  showOutage(
    view.isServiceUp
      ? null
      : 'Countersign does not answer. This page goes on by itself when it does.',
  )
  const key = keyOf(view)
  if (current?.key !== key) {
    const isFirst = current === null
    current?.screen.close?.()
    current = { key, screen: screenOf(view) }
    document.body.dataset.step = view.step.name
    show(step, current.screen.element, !isFirst)
  }
  current.screen.update(view)
  showHappenings(view)
}

function showOutage(text: string | null): void {
  outage.replaceChildren(...(text === null ? [] : [icon('alert'), text]))
}

function showHappenings({ happenings: list }: SignInView): void {
  const rows = list.map(({ who, what, atMs }) =>
    el(
      'li',
      {},
      el('span', { class: 'at' }, `${atMs.toLocaleString('en')} ms`),
      el('span', {}, el('b', {}, who), ` ${what}`),
    ),
  )
  const content = [el('h2', {}, 'What happened'), el('ol', {}, ...rows)]
  happenings.replaceChildren(...(rows.length === 0 ? [] : content))
}

/** Follows the server while the page is open. */
async function follow(): Promise<never> {
  for (;;) {
    reading = new AbortController()
    const { signal } = reading
    try {
      const view = await readView(version, signal)
      if (!signal.aborted) apply(view)
    } catch (error) {
      if (signal.aborted) continue
      if (!(error instanceof ServerRefusal)) throw error
      showOutage(error.message)
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }
}

await follow()
