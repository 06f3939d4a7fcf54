import type { EnrollmentTicket } from '../../../clients/device/src/enrollment.ts'
import { button, el, field, form, icon, note } from '../dom.ts'
import type { App } from './app.ts'
import { scan } from './scanner.ts'

/** No account yet. */
export function welcomeScreen(app: App): HTMLElement {
  const trouble = el('div', { class: 'trouble' })
  const claim = async (ticket: EnrollmentTicket) => {
    trouble.replaceChildren()
    try {
      await app.handset.enroll(ticket)
    } catch (error) {
      trouble.replaceChildren(note('bad', app.words(error)))
    }
  }
  const scanTicket = async () => {
    const ticket = await scan(app)
    if (ticket) await claim(ticket)
  }
  return el(
    'div',
    { class: 'page welcome' },
    el('img', { src: '/demo/web/countersign.svg', alt: '', width: 64, height: 64 }),
    el('h1', {}, 'Authenticator'),
    el(
      'p',
      {},
      `Add your ${app.company} account: sign in on the computer, then scan the code there.`,
    ),
    button('Scan code', 'primary', scanTicket, { 'data-focus': true }),
    trouble,
    typedCode(app, claim),
  )
}

function typedCode(app: App, claim: (ticket: EnrollmentTicket) => Promise<void>): HTMLElement {
  const { serviceOrigin: origin, tenantId } = app.handset.settings
  const code = field('Code', {
    name: 'code',
    autocomplete: 'off',
    autocapitalize: 'characters',
    spellcheck: 'false',
    placeholder: 'XXXXX-XXXXX',
    required: true,
  })
  const user = field('Name', {
    name: 'user',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
    required: true,
  })
  const submit = (fields: FormData) =>
    claim({
      origin,
      tenantId,
      code: String(fields.get('code')).trim(),
      user: String(fields.get('user')).trim().toLowerCase(),
    })
  return el(
    'details',
    { class: 'typed-code' },
    el('summary', {}, 'Type the code instead'),
    form(
      submit,
      code.element,
      user.element,
      el('button', { class: 'button plain' }, 'Add account'),
    ),
  )
}

/** The code was read; the number of the sign-in page activates the phone. */
export function confirmScreen(app: App): HTMLElement {
  const { account } = app.handset.stored
  const trouble = el('div', { class: 'trouble' })
  const digits = account?.confirmationDigits ?? 6
  const number = field('Number on the sign-in page', {
    name: 'number',
    inputmode: 'numeric',
    autocomplete: 'off',
    maxlength: 32,
    class: 'digits',
    'data-focus': true,
  })
  number.input.style.setProperty('--digits', String(digits))
  const submit = async (fields: FormData) => {
    try {
      await app.handset.confirm(String(fields.get('number')))
      app.render()
    } catch (error) {
      const isSlip = error instanceof RangeError
      const slip = note('warn', `Type all ${digits} digits that the page shows.`)
      trouble.replaceChildren(isSlip ? slip : note('bad', app.words(error)))
      number.input.select()
    }
  }
  return el(
    'div',
    { class: 'page' },
    el('h1', {}, 'Is this your account?'),
    el(
      'div',
      { class: 'who' },
      el('b', {}, account?.user.displayName ?? ''),
      el('span', { class: 'muted' }, account?.tenant.name ?? ''),
    ),
    form(
      submit,
      number.element,
      trouble,
      el('button', { class: 'button primary' }, 'Add this phone'),
    ),
    button('Not my account', 'quiet', () => forgetAccount(app)),
  )
}

/** Ends the account at the service as well as it can, and always on the phone. */
async function forgetAccount(app: App): Promise<void> {
  await app.handset.call((client) => client.unregister()).catch(() => undefined)
  await app.handset.change({ account: null, keys: null, isUnregistered: false })
}

function fresh(app: App): Promise<void> {
  return app.handset.change({ account: null, keys: null, isUnregistered: false })
}

/** This phone was unregistered. */
export function unregisteredScreen(app: App): HTMLElement {
  return el(
    'div',
    { class: 'page ending' },
    el('span', { class: 'seal bad' }, icon('cross')),
    el('h1', {}, 'This phone was unregistered'),
    el('p', {}, 'Its keys are no longer valid: all its answers are refused.'),
    button('Set up again', 'primary', () => fresh(app)),
  )
}

/** The account belongs to a service at another address. */
export function foreignScreen(app: App): HTMLElement {
  const { account } = app.handset.stored
  return el(
    'div',
    { class: 'page ending' },
    el('span', { class: 'seal warn' }, icon('alert')),
    el('h1', {}, 'Another address'),
    el(
      'p',
      {},
      `This phone was set up with ${account?.origin}, which is part of all that it signs. The demo now runs at ${app.handset.settings.serviceOrigin}.`,
    ),
    button('Set up again', 'primary', () => fresh(app)),
  )
}
