import type { FormStep } from '../../sign-in-view.ts'
import { besideLink } from '../beside.ts'
import { el, field, form, icon, note } from '../dom.ts'
import { ServerRefusal, startSignIn } from './larkfield-server.ts'
import type { Page, StepScreen } from './page.ts'

/** Name and password. */
export function formScreen(page: Page, step: FormStep): StepScreen {
  const trouble = el('div', { class: 'trouble' })
  const user = field('Name', {
    name: 'user',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
    placeholder: 'ada',
    required: true,
    'data-focus': true,
  })
  const password = field('Password', {
    name: 'password',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
  })
  const complain = (text: string, input: HTMLInputElement | null) => {
    for (const each of [user.input, password.input]) each.ariaInvalid = String(each === input)
    trouble.replaceChildren(note('bad', text))
    input?.focus()
  }
  const submit = async (fields: FormData) => {
    const [name, secret] = [String(fields.get('user')), String(fields.get('password'))]
    if (name.trim() === '') return complain('Type a name; in this demo any will do.', user.input)
    if (secret === '') {
      return complain('Type a password; in this demo any will do.', password.input)
    }
    try {
      page.apply(await startSignIn(name, secret))
    } catch (error) {
      if (!(error instanceof ServerRefusal)) throw error
      complain(error.message, error.isOutage ? null : user.input)
    }
  }
  const element = el(
    'div',
    { class: 'card' },
    el('h1', {}, 'Sign in'),
    el('p', { class: 'muted' }, 'With your password and the authenticator.'),
    step.notice === null ? null : note('plain', step.notice),
    form(
      submit,
      user.element,
      password.element,
      trouble,
      el('button', { class: 'button primary' }, 'Sign in'),
    ),
    el(
      'p',
      { class: 'muted small' },
      'Demo: any name and any password will do. A new name sets up the authenticator first.',
    ),
    besideLink('/authenticator', icon('phone'), 'Open the authenticator'),
  )
  return { element, update: () => undefined }
}
