// Entry of the inbox: what the simulated push services received, as it comes.

import type { AcceptedPush } from '../../../simulator/pushes.ts'
import { el } from '../dom.ts'

const lookEveryMs = 1000
const rowsMax = 100

const pushes = place('pushes')
const outage = place('outage')

function place(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no place ${id}`)
  return element
}

const gateways = { apns: 'APNs (simulated)', fcm: 'FCM (simulated)' } as const

function rowOf(push: AcceptedPush): HTMLElement {
  const { provider, appId, token, at } = push
  const content = provider === 'apns' ? push.payload : push.data
  return el(
    'li',
    {},
    el(
      'p',
      {},
      el('b', {}, gateways[provider]),
      el('span', { class: 'muted' }, new Date(at).toLocaleTimeString()),
    ),
    el('p', { class: 'small' }, `For ${appId}, token ${token.slice(0, 12)}…`),
    el('pre', { tabindex: 0 }, JSON.stringify(content, null, 2)),
    el(
      'details',
      { class: 'small' },
      el('summary', {}, 'All that was sent'),
      el('pre', { tabindex: 0 }, JSON.stringify(push, null, 2)),
    ),
  )
}

/** What came after this push; throws where the demo does not answer. */
async function readLog(since: number): Promise<readonly AcceptedPush[]> {
  const response = await fetch(`/simulator/log?since=${since}`)
  if (!response.ok) throw new Error(`The demo answered ${response.status}.`)
  return ((await response.json()) as { readonly pushes: readonly AcceptedPush[] }).pushes
}

let last = 0
place('simulator').textContent = await (await fetch('/simulator')).text()
for (;;) {
  try {
    for (const push of await readLog(last)) {
      last = push.sequence
      pushes.prepend(rowOf(push))
    }
    outage.replaceChildren()
  } catch {
    outage.replaceChildren('The demo does not answer. Is it still running?')
  }
  while (pushes.childElementCount > rowsMax) pushes.lastElementChild?.remove()
  await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
}
