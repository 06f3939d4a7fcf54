import type { ApproveStep, PhoneProgress, SignInView } from '../../sign-in-view.ts'
import { besideLink } from '../beside.ts'
import { bigNumber, button, countdown, el, icon, note } from '../dom.ts'
import { everyMoment, type Page, perform, type StepScreen } from './page.ts'

/** The number to type in the authenticator, the state of the push, and the time left. */
export function approveScreen(page: Page, first: ApproveStep): StepScreen {
  const trouble = el('div', { class: 'trouble' })
  const notices = el('div', { class: 'notices' })
  const phones = el('ul', { class: 'phones', 'aria-label': 'Your devices' })
  const clock = clockOf(page, first)
  const again = pushAgainButton(page, trouble)
  const element = el(
    'div',
    { class: 'card' },
    el('h1', {}, first.isPullOnly ? 'Look at the authenticator' : 'Check your device'),
    el('p', {}, 'Type this number there to sign in:'),
    bigNumber(first.number),
    clock.element,
    notices,
    phones,
    trouble,
    el(
      'div',
      { class: 'actions' },
      again.element,
      button('Cancel', 'quiet', () => perform(page, trouble, 'cancel')),
    ),
    besideLink('/authenticator', icon('phone'), 'Open the authenticator'),
    helpDesk(page, trouble),
  )
  return {
    element,
    update: ({ step }: SignInView) => {
      if (step.name !== 'approve') return
      notices.replaceChildren(...noticesOf(step))
      phones.replaceChildren(...step.phones.map(phoneRow))
      again.update(step)
    },
    close: () => {
      clock.stop()
      again.stop()
    },
  }
}

function clockOf(page: Page, { createdAt, expiresAt }: ApproveStep) {
  const wholeMs = Date.parse(expiresAt) - Date.parse(createdAt)
  const time = el('span', { class: 'time' })
  const bar = el('div', { class: 'bar', 'aria-hidden': 'true' })
  const stop = everyMoment(page, expiresAt, (leftMs) => {
    time.textContent = `${countdown(leftMs)} left`
    bar.style.setProperty('--left', String(Math.min(1, leftMs / wholeMs)))
  })
  return { element: el('div', { class: 'clock' }, bar, time), stop }
}

function pushAgainButton(page: Page, trouble: HTMLElement) {
  let stop: () => void = () => undefined
  let shownFor = ''
  const pushAgain = button('Push again', 'plain', () => perform(page, trouble, 'push-again'))
  const update = ({ pushesLeft, pushAgainAt, isPullOnly }: ApproveStep) => {
    pushAgain.hidden = isPullOnly
    if (shownFor === pushAgainAt) return
    shownFor = pushAgainAt
    stop()
    stop = everyMoment(page, pushAgainAt, (leftMs) => {
      pushAgain.disabled = leftMs > 0 || pushesLeft === 0
      const wait = leftMs > 0 && pushesLeft > 0 ? ` in ${Math.ceil(leftMs / 1000)} s` : ''
      pushAgain.textContent = pushesLeft === 0 ? 'No pushes left' : `Push again${wait}`
    })
  }
  return { element: pushAgain, update, stop: () => stop() }
}

/** Why no device rings. */
const silences: Readonly<Record<string, string>> = {
  paused: 'You have paused pushes.',
  reported: 'A sign-in was reported a short while ago, so that nothing rings.',
  recently_unanswered: 'A device was woken a moment ago.',
  resend_too_soon: 'This sign-in was pushed a moment ago.',
  resends_used_up: 'This sign-in was pushed often enough.',
  recently_denied: 'A sign-in was denied a moment ago.',
  push_budget_used_up: 'Your devices were woken often enough for now.',
  unanswered_pushes: 'Too many questions were left unanswered, so that nothing rings.',
}

function noticesOf({
  hadWrongNumber,
  wrongNumbersLeft: attemptsLeft,
  isPullOnly,
  suppression: suppressed,
}: ApproveStep) {
  const tries = attemptsLeft === 1 ? 'One try is' : `${attemptsLeft} tries are`
  return [
    ...(hadWrongNumber
      ? [note('warn', icon('alert'), `A wrong number was typed. ${tries} left.`)]
      : []),
    ...(isPullOnly ? [silenceNote(suppressed)] : []),
  ]
}

function silenceNote(suppressed: string | null): HTMLElement {
  const silence = silences[suppressed ?? '']
  return silence === undefined
    ? note(
        'plain',
        icon('bell'),
        'Nothing is pushed: an open authenticator shows the request itself.',
      )
    : note('warn', icon('bell'), `${silence} The request waits in the authenticator.`)
}

const stages: Readonly<Record<PhoneProgress['stage'], number>> = {
  no_push: 0,
  suppressed: 0,
  failed: 0,
  unregistered: 0,
  waiting: 0,
  sent: 1,
  received: 2,
  opened: 3,
}

function phoneRow({ name, gateway, stage, reason }: PhoneProgress): HTMLElement {
  const words: Readonly<Record<PhoneProgress['stage'], string>> = {
    waiting: `On its way to ${gateway}`,
    sent: `${gateway} took the push`,
    failed: `${gateway} refused the push${reason === null ? '' : ` (${reason})`}`,
    no_push: 'Asks by itself while it is open',
    suppressed: 'No push this time; open the app there',
    received: 'Received there',
    opened: 'Shown there',
    unregistered: 'Unregistered',
  }
  const reachedStep = stages[stage]
  const dots = [1, 2, 3].map((at) => el('i', { class: at <= reachedStep ? 'done' : '' }))
  return el(
    'li',
    { class: stage === 'failed' || stage === 'unregistered' ? 'failed' : '' },
    icon('phone'),
    el('span', {}, el('b', {}, name), el('span', { class: 'muted small' }, words[stage])),
    el('span', { class: 'dots', 'aria-hidden': 'true' }, ...dots),
  )
}

function helpDesk(page: Page, trouble: HTMLElement): HTMLElement {
  return el(
    'details',
    { class: 'help' },
    el('summary', {}, 'I have none of my devices any more'),
    el(
      'p',
      { class: 'small' },
      'A real help desk makes sure who is calling first. Then it does what this button does: unregister all your devices at once, and let you set up another one.',
    ),
    button('Unregister all my devices', 'danger', () => perform(page, trouble, 'unregister-all')),
  )
}
