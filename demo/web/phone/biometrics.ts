import { button, el, icon } from '../dom.ts'
import type { App } from './app.ts'

/**
 * Stands for the system's prompt before the verification key is used. True when the user confirmed.
 */
export async function confirmPerson(app: App, why: string): Promise<boolean> {
  const isIos = app.handset.stored.look === 'ios'
  const isConfirmed = await app.ask<boolean>('Is it you?', (close) =>
    el(
      'div',
      { class: 'biometrics' },
      icon(isIos ? 'face' : 'finger'),
      el('h2', {}, isIos ? 'Face recognition' : 'Fingerprint'),
      el('p', {}, why),
      el(
        'p',
        { class: 'muted small' },
        'Simulated: a real phone checks your face, finger or PIN here, and only then lets the app sign with the verification key.',
      ),
      el(
        'div',
        { class: 'actions' },
        button('It’s me', 'primary', () => close(true), { 'data-focus': true }),
        button('Cancel', 'quiet', () => close(null)),
      ),
    ),
  )
  return isConfirmed === true
}
