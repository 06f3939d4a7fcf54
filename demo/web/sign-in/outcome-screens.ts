import type { Proof, RefusedStep, SignedInStep, SignInView } from '../../sign-in-view.ts'
import { button, el, icon, note, type Shape } from '../dom.ts'
import { type Page, perform, type StepScreen } from './page.ts'

/** Signed in, with how the company knows it, the user's devices, and the way to the portal. */
export function signedInScreen(page: Page, first: SignedInStep, user: string): StepScreen {
  const trouble = el('div', { class: 'trouble' })
  const phones = el('ul', { class: 'phones' })
  const element = el(
    'div',
    { class: 'card' },
    headline('good', 'check', 'You are signed in'),
    el('p', { class: 'muted' }, `As ${user}, to the Larkfield staff portal.`),
    proofList(first.proof),
    el('h2', {}, 'Your devices'),
    phones,
    portalLink(),
    trouble,
    el(
      'div',
      { class: 'actions' },
      button('Add a device', 'plain', () => perform(page, trouble, 'add-phone')),
      button('Sign out', 'primary', () => perform(page, trouble, 'leave')),
    ),
  )
  return {
    element,
    update: ({ step }: SignInView) => {
      if (step.name !== 'signed_in') return
      const rows = step.phones.map((phone) => phoneRow(page, trouble, phone))
      const none = el('li', {}, icon('phone'), 'None. The next sign-in sets up a new one.')
      phones.replaceChildren(...(rows.length > 0 ? rows : [none]))
    },
  }
}

/** The portal is the service's: the company sends its users there by a link that works once. */
function portalLink(): HTMLElement {
  const attributes = { href: '/api/sign-in/portal', target: '_blank', rel: 'noopener' }
  return el('p', {}, el('a', attributes, 'Your sign-ins, devices and recovery codes'))
}

function proofList(proof: Proof): HTMLElement {
  const seconds = (proof.decidedAfterMs / 1000).toFixed(1)
  const rows: readonly (readonly [string, string])[] = [
    ['Device', `${proof.device}${proof.isNewDevice ? ', added within a day' : ''}`],
    ['Number', `typed there after ${seconds} s`],
    [
      'Key',
      proof.isUserVerified
        ? 'its verification key (face, finger, PIN or passkey)'
        : 'its possession key',
    ],
    ['Result', 'signed for this browser session; verified'],
  ]
  return el(
    'div',
    { class: 'proof' },
    el(
      'dl',
      {},
      ...rows.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))),
    ),
    el(
      'details',
      {},
      el('summary', {}, 'The result token’s claims'),
      el('pre', { tabindex: 0 }, JSON.stringify(proof.claims, null, 2)),
    ),
  )
}

function phoneRow(
  page: Page,
  trouble: HTMLElement,
  { id, name, model, isDeciding }: SignedInStep['phones'][number],
): HTMLElement {
  return el(
    'li',
    {},
    icon('phone'),
    el(
      'span',
      {},
      el('b', {}, name),
      el('span', { class: 'muted small' }, isDeciding ? `${model}, just used` : model),
    ),
    unregisterButton(name, () => perform(page, trouble, 'unregister', { deviceId: id })),
  )
}

/** Asks for confirmation: an unregistration is permanent. */
function unregisterButton(name: string, unregister: () => unknown): HTMLElement {
  const place = el('span', {})
  const ask = () => {
    const sure = button('Unregister', 'danger', unregister, { 'aria-label': `Unregister ${name}` })
    place.replaceChildren(sure)
    sure.focus()
  }
  place.append(button('Lost?', 'quiet', ask, { 'aria-label': `${name} is lost` }))
  return place
}

function headline(kind: 'good' | 'bad' | 'warn', shape: Shape, title: string): HTMLElement {
  return el(
    'div',
    { class: 'headline' },
    el('span', { class: `seal ${kind}` }, icon(shape)),
    el('h1', {}, title),
  )
}

type Words = { readonly title: string; readonly text: string; readonly kind: 'bad' | 'warn' }

const words: Readonly<Record<RefusedStep['why'], Words>> = {
  user_denied: {
    kind: 'bad',
    title: 'Denied in the authenticator',
    text: 'You are not signed in. If that was a slip, try again.',
  },
  user_reported: {
    kind: 'bad',
    title: 'Reported: “This wasn’t me”',
    text: 'You are not signed in. Somebody knows this password; a real company would have it changed now.',
  },
  number_mismatch: {
    kind: 'bad',
    title: 'Too many wrong numbers',
    text: 'You are not signed in. The question is closed; a new try shows a new number.',
  },
  no_device_left: {
    kind: 'bad',
    title: 'The device was unregistered',
    text: 'Nobody is left who could answer this question. Sign in again to set up a device.',
  },
  expired: {
    kind: 'warn',
    title: 'Nobody answered in time',
    text: 'The question is closed. Try again when your device is at hand.',
  },
  cancelled: {
    kind: 'warn',
    title: 'Cancelled',
    text: 'The question was taken back from your devices.',
  },
  superseded: {
    kind: 'warn',
    title: 'Continued elsewhere',
    text: 'This sign-in goes on in another window, or after a reload: look at the newest page.',
  },
  result_not_believed: {
    kind: 'bad',
    title: 'The answer could not be verified',
    text: 'You are not signed in: what came back was not a valid result for this session.',
  },
}

/** Not signed in, and why. */
export function refusedScreen(page: Page, { why, detail }: RefusedStep): StepScreen {
  const { kind, title, text } = words[why]
  const trouble = el('div', { class: 'trouble' })
  const shapes = { expired: 'clock', cancelled: 'cross' } as const
  const shape = why === 'expired' || why === 'cancelled' ? shapes[why] : 'cross'
  const element = el(
    'div',
    { class: 'card' },
    headline(kind, shape, title),
    el('p', {}, text),
    detail === null ? null : note('plain', detail),
    trouble,
    el(
      'div',
      { class: 'actions' },
      button('Sign in again', 'primary', () => perform(page, trouble, 'leave')),
    ),
  )
  return { element, update: () => undefined }
}
