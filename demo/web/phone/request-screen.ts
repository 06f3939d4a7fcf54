import type { Decision } from '../../../clients/device/src/answer.ts'
import type { ApprovalRequest } from '../../../clients/device/src/approval-request.ts'
import { DeviceApiError } from '../../../clients/device/src/device-api-error.ts'
import { plainTypedText } from '../../../clients/device/src/typed-text.ts'
import { button, countdown, el, field, form, icon, note, type Shape } from '../dom.ts'
import type { App, Ending } from './app.ts'
import { confirmPerson } from './biometrics.ts'
import { ago } from './words.ts'

/** Everything about one sign-in, the number, and the three answers. */
export function requestScreen(app: App, request: ApprovalRequest): HTMLElement {
  const trouble = el('div', { class: 'trouble' })
  const time = el('span', {})
  app.everyMoment(() => {
    const leftMs = request.expiresAt.getTime() - app.handset.now()
    time.textContent = `${countdown(leftMs)} left`
    if (leftMs <= 0) end(app, request, 'expired')
  })
  const refuse = (decision: 'deny' | 'report') => () =>
    answer(app, request, decision, null, trouble)
  return el(
    'div',
    { class: 'page request' },
    el(
      'header',
      {},
      button('Back', 'quiet', () => app.go({ at: 'tab', tab: 'requests' })),
      el('span', { class: 'muted small' }, time),
    ),
    el('h1', {}, `${request.context.relyingParty} asks: is this you?`),
    contextList(app, request),
    approval(app, request, trouble),
    trouble,
    el(
      'div',
      { class: 'actions' },
      button('Deny', 'plain', refuse('deny')),
      button('This wasn’t me', 'danger', refuse('report')),
    ),
  )
}

function contextList(app: App, { context, createdAt }: ApprovalRequest): HTMLElement {
  const { application, action, location, ip, userAgent, fields = [] } = context
  const what = [action, application].filter((text) => text !== undefined).join(' · ')
  const shapeRows: readonly (readonly [Shape, string, string | undefined])[] = [
    ['shield', 'What', what || undefined],
    ['pin', 'Where', location],
    ['globe', 'Address', ip],
    ['window', 'Browser', userAgent],
    ...fields.map(({ label, value }) => ['list', label, value] as const),
  ]
  const when = el('dd', {})
  app.everyMoment(() => {
    when.textContent = ago(createdAt.getTime(), app.handset.now())
  })
  const rows = shapeRows.flatMap(([shape, name, value]) =>
    value === undefined ? [] : [row(shape, name, el('dd', {}, value))],
  )
  return el('dl', { class: 'context' }, ...rows, row('clock', 'When', when))
}

function row(shape: Shape, name: string, value: HTMLElement): HTMLElement {
  return el('div', {}, el('dt', {}, icon(shape), name), value)
}

/** Room for characters typed or pasted around the digits, too. */
const typedMax = 32

function approval(app: App, request: ApprovalRequest, trouble: HTMLElement): HTMLElement {
  const digits = request.numberDigits
  if (digits === null) {
    return button('Approve', 'primary', () => answer(app, request, 'approve', null, trouble))
  }
  const number = field('Number on the sign-in page', {
    name: 'number',
    inputmode: 'numeric',
    autocomplete: 'off',
    maxlength: typedMax,
    class: 'digits',
    'data-focus': true,
  })
  number.input.style.setProperty('--digits', String(digits))
  const submit = async (fields: FormData) => {
    const input = plainTypedText(String(fields.get('number')))
    const isWhole = input.length === digits && /^[0-9]+$/.test(input)
    if (isWhole) await answer(app, request, 'approve', input, trouble)
    else trouble.replaceChildren(note('warn', `Type all ${digits} digits that the page shows.`))
    number.input.select()
  }
  return form(submit, number.element, el('button', { class: 'button primary' }, 'Approve'))
}

const endings: Readonly<Record<Decision, Ending>> = {
  approve: 'approved',
  deny: 'denied',
  report: 'reported',
}

/** Signs and sends the answer; refusals stay on the screen unless they end the request. */
export async function answer(
  app: App,
  request: ApprovalRequest,
  decision: Decision,
  number: string | null,
  trouble: HTMLElement,
): Promise<void> {
  const { handset } = app
  if (decision === 'approve' && handset.needsBiometrics(request)) {
    const why = `To approve the sign-in at ${request.context.relyingParty}.`
    if (!(await confirmPerson(app, why))) return
  }
  try {
    await handset.answer(request, decision, number)
    end(app, request, endings[decision])
  } catch (error) {
    const ending = endingOf(error)
    if (ending) end(app, request, ending)
    else trouble.replaceChildren(note('bad', icon('alert'), app.words(error)))
  }
}

function endingOf(error: unknown): Ending | null {
  if (!(error instanceof DeviceApiError)) return null
  if (error.code === 'challenge_expired') return 'expired'
  if (error.code === 'challenge_ended') return 'closed'
  const isLast = error.code === 'wrong_number' && error.facts.wrongNumbersLeft === 0
  return isLast ? 'too_many_wrong' : null
}

function end(app: App, { challengeId, context }: ApprovalRequest, ending: Ending): void {
  app.handset.forget(challengeId)
  app.notify(null)
  app.go({ at: 'ending', ending, from: context.relyingParty })
}

type Words = {
  readonly title: string
  readonly text: string
  readonly kind: 'good' | 'bad' | 'warn'
}

const words: Readonly<Record<Ending, Words>> = {
  approved: { kind: 'good', title: 'Approved', text: 'Go on in the browser.' },
  denied: { kind: 'bad', title: 'Denied', text: 'Nobody is signed in.' },
  reported: {
    kind: 'bad',
    title: 'Denied and reported',
    text: 'Nobody is signed in, and the company knows that this wasn’t you. Change your password: somebody has it.',
  },
  closed: {
    kind: 'warn',
    title: 'Already closed',
    text: 'It was answered on another phone or taken back.',
  },
  expired: { kind: 'warn', title: 'Too late', text: 'The time for this request is over.' },
  too_many_wrong: {
    kind: 'bad',
    title: 'Too many wrong numbers',
    text: 'The request is closed. If this was you, sign in again.',
  },
}

/** How a request ended. */
export function endingScreen(app: App, ending: Ending, from: string): HTMLElement {
  const { kind, title, text } = words[ending]
  const shape = kind === 'good' ? 'check' : ending === 'expired' ? 'clock' : 'cross'
  return el(
    'div',
    { class: 'page ending' },
    el('span', { class: `seal ${kind}` }, icon(shape)),
    el('h1', {}, title),
    el('p', {}, el('b', {}, from), `: ${text}`),
    button('Done', 'primary', () => app.go({ at: 'tab', tab: 'requests' })),
  )
}
