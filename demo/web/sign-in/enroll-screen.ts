import type { EnrollStep, SignInView } from '../../sign-in-view.ts'
import { bigNumber, button, countdown, el, icon, note } from '../dom.ts'
import { showToCameras } from '../qr-exchange.ts'
import { everyMoment, type Page, perform, type StepScreen } from './page.ts'

/** Sets up a phone: a code to scan or to type, then a number to type on the phone. */
export function enrollScreen(page: Page, first: EnrollStep, user: string): StepScreen {
  const body = el('div', { class: 'card-body' })
  const trouble = el('div', { class: 'trouble' })
  const hide = showToCameras(first.uri)
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
    el('h1', {}, first.isFurther ? 'Add a phone' : 'Set up your phone'),
    body,
    trouble,
  )
  return {
    element,
    update: ({ step }: SignInView) => {
      if (step.name !== 'enroll') return
      const isOver = step.status !== 'open'
      if (isOver) hide()
      if (drawnStep?.status !== step.status && isOver) page.say(wordsOf(step))
      if (JSON.stringify(drawnStep) !== JSON.stringify(step)) draw(step)
      drawnStep = step
    },
    close: () => {
      stopClock()
      hide()
    },
  }
}

function wordsOf({ status }: EnrollStep): string {
  if (status === 'claimed') return 'The phone was found. Type the number on the phone.'
  return status === 'completed' ? 'The phone is set up.' : 'The phone was not set up.'
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
  if (step.status === 'completed') return [note('good', icon('check'), 'Your phone is set up.')]
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
  const phonePage = `/phone?name=${encodeURIComponent(`${user}'s phone`)}#${encodeURIComponent(step.uri)}`
  return [
    el(
      'p',
      {},
      'Open the authenticator app on your phone, choose ',
      el('b', {}, 'Scan code'),
      ', and point it here.',
    ),
    el('img', { class: 'qr', src: picture, alt: 'QR code for the authenticator app' }),
    el(
      'p',
      {},
      'No camera? Type ',
      el('b', { class: 'code' }, step.code),
      ' with the name ',
      el('b', { class: 'code' }, user),
      '. Works once, for another ',
      time,
      '.',
    ),
    el(
      'div',
      { class: 'actions' },
      el(
        'a',
        { class: 'button plain lone', href: phonePage, target: '_blank', rel: 'noopener' },
        icon('phone'),
        'Open a phone in this browser',
      ),
      button('Cancel', 'quiet', cancel),
    ),
  ]
}

function claimedContent(step: EnrollStep, time: HTMLElement, cancel: () => unknown): HTMLElement[] {
  const { wrongNumbersLeft: attemptsLeft } = step
  const wrong = `That was another number. ${attemptsLeft} ${attemptsLeft === 1 ? 'try is' : 'tries are'} left.`
  return [
    el('p', {}, 'A phone has read the code. Is it yours? Then type this number on it:'),
    bigNumber(step.number ?? ''),
    ...(attemptsLeft < 3 ? [note('warn', icon('alert'), wrong)] : []),
    el(
      'p',
      { class: 'muted small' },
      'Someone who only stole the code does not see this number. Time left: ',
      time,
      '.',
    ),
    el('div', { class: 'actions' }, button('This is not my phone', 'plain', cancel)),
  ]
}
