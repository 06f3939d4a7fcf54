import type { EnrollStep, SignInView } from '../../sign-in-view.ts'
import { besideLink } from '../beside.ts'
import { bigNumber, button, countdown, el, icon, note } from '../dom.ts'
import { everyMoment, type Page, perform, type StepScreen } from './page.ts'

/** Sets up the authenticator: by a link, a QR code or a typed code; then a number to type there. */
export function enrollScreen(page: Page, first: EnrollStep, user: string): StepScreen {
  const body = el('div', { class: 'card-body' })
  const trouble = el('div', { class: 'trouble' })
  let stopClock: () => void = () => undefined
  let drawnStep: EnrollStep | null = null
  const draw = (step: EnrollStep) => {
    stopClock()
    const time = el('span', {})
    stopClock = everyMoment(page, step.expiresAt, (leftMs) => {
      time.textContent = countdown(leftMs)
    })
    body.replaceChildren(...contentOf(page, step, user, time, trouble))
  }
  const element = el(
    'div',
    { class: 'card' },
    el('h1', {}, first.isFurther ? 'Add a device' : 'Set up the authenticator'),
    body,
    trouble,
  )
  return {
    element,
    update: ({ step }: SignInView) => {
      if (step.name !== 'enroll') return
      const isOver = step.status !== 'open'
      if (drawnStep?.status !== step.status && isOver) page.say(wordsOf(step))
      if (JSON.stringify(drawnStep) !== JSON.stringify(step)) draw(step)
      drawnStep = step
    },
    close: () => stopClock(),
  }
}

function wordsOf({ status }: EnrollStep): string {
  if (status === 'claimed') return 'The code was read. Type the number there.'
  return status === 'completed' ? 'The authenticator is set up.' : 'It was not set up.'
}

function contentOf(
  page: Page,
  step: EnrollStep,
  user: string,
  time: HTMLElement,
  trouble: HTMLElement,
): HTMLElement[] {
  const cancel = () => perform(page, trouble, 'cancel')
  if (step.status === 'open') return openContent(step, user, time, cancel)
  if (step.status === 'claimed') return claimedContent(step, time, cancel)
  if (step.status === 'completed')
    return [note('good', icon('check'), 'The authenticator is set up.')]
  return [
    note('bad', icon('alert'), endings[step.status]),
    button('Start over', 'primary', () => perform(page, trouble, 'cancel')),
  ]
}

const endings = {
  void: 'Too many wrong codes or numbers were typed, so this code is worth nothing any more. Nobody was enrolled.',
  expired: 'The time for this code is over. Nobody was enrolled.',
  cancelled: 'This code was taken back. Nobody was enrolled.',
} as const

function openContent(
  step: EnrollStep,
  user: string,
  time: HTMLElement,
  cancel: () => unknown,
): HTMLElement[] {
  const picture = `data:image/svg+xml;utf8,${encodeURIComponent(step.qrSvg)}`
  return [
    el(
      'p',
      {},
      'No other device? This browser will do. A phone can use the code where it reaches the service over https.',
    ),
    besideLink(step.uri, icon('phone'), 'Set it up in this browser'),
    el('img', { class: 'qr', src: picture, alt: 'QR code for the authenticator' }),
    el(
      'p',
      {},
      'Or in the authenticator, ',
      el('b', {}, 'Type a code'),
      ': ',
      el('b', { class: 'code' }, step.code),
      ' with the user name ',
      el('b', { class: 'code' }, user),
      '. Works once, for another ',
      time,
      '.',
    ),
    el('div', { class: 'actions' }, button('Cancel', 'quiet', cancel)),
  ]
}

function claimedContent(step: EnrollStep, time: HTMLElement, cancel: () => unknown): HTMLElement[] {
  const { wrongNumbersLeft: attemptsLeft } = step
  const wrong = `That was another number. ${attemptsLeft} ${attemptsLeft === 1 ? 'try is' : 'tries are'} left.`
  return [
    el('p', {}, 'An authenticator has read the code. Is it yours? Then type this number there:'),
    bigNumber(step.number ?? ''),
    ...(attemptsLeft < 3 ? [note('warn', icon('alert'), wrong)] : []),
    el(
      'p',
      { class: 'muted small' },
      'Someone who only stole the code does not see this number. Time left: ',
      time,
      '.',
    ),
    el('div', { class: 'actions' }, button('This is not mine', 'plain', cancel)),
  ]
}
