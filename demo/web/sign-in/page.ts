// What the steps of the page share.

import type { SignInView } from '../../sign-in-view.ts'
import { note } from '../dom.ts'
import { type Action, act, ServerRefusal } from './larkfield-server.ts'

/** One step on the screen: built once, then told of each change while the step stays the same. */
export type StepScreen = {
  readonly element: HTMLElement
  readonly update: (view: SignInView) => void
  /** Called when the step is over. */
  readonly close?: () => void
}

/** What a step can do beyond its own elements. */
export type Page = {
  /** Shows what the server answered. */
  readonly apply: (view: SignInView) => void
  /** Says something to those who do not see the page. */
  readonly say: (words: string) => void
  /** The server's time less this computer's. */
  readonly offsetMs: () => number
}

/** Asks the server for an action and shows its answer, or in `place` why not. */
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

/** Calls `show` with the time that is left, several times a second, until the returned function is called. */
export function everyMoment(page: Page, until: string, show: (leftMs: number) => void): () => void {
  const tick = () => show(Math.max(0, Date.parse(until) - Date.now() - page.offsetMs()))
  tick()
  const timer = setInterval(tick, 250)
  return () => clearInterval(timer)
}
