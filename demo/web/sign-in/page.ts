// What the steps of the page share.

import type { SignInView } from '../../sign-in-view.ts'
import { note } from '../dom.ts'
import { type Action, act, ServerRefusal } from './larkfield-server.ts'

/** One step on the screen: built once, then updated while the step stays the same. */
export type StepScreen = {
  readonly element: HTMLElement
  readonly update: (view: SignInView) => void
  /** Called when the step is over. */
  readonly close?: () => void
}

/** What a step can use beyond its own elements. */
export type Page = {
  /** Shows the server's response. */
  readonly apply: (view: SignInView) => void
  /** Announces a text to screen readers. */
  readonly say: (words: string) => void
  /** The server's time less this computer's. */
  readonly offsetMs: () => number
}

/** Calls an action of the server and shows its response, or the error in `place`. */
export async function perform(
  page: Page,
  place: HTMLElement,
  action: Action,
  body?: object,
): Promise<ServerRefusal | null> {
  try {
    page.apply(await act(action, body))
    place.replaceChildren()
    return null
  } catch (error) {
    if (!(error instanceof ServerRefusal)) throw error
    place.replaceChildren(note('bad', error.message))
    return error
  }
}

/**
 * Calls `show` with the time left, several times a second, until the returned function is called.
 */
export function everyMoment(page: Page, until: string, show: (leftMs: number) => void): () => void {
  const tick = () => show(Math.max(0, Date.parse(until) - Date.now() - page.offsetMs()))
  tick()
  const timer = setInterval(tick, 250)
  return () => clearInterval(timer)
}
