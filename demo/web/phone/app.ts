// What the screens of the app share: where they are shown, and the navigation between them.

import type { ApprovalRequest } from '../../../clients/device/src/approval-request.ts'
import { el, show } from '../dom.ts'
import type { Handset } from './handset.ts'
import { wordsOf } from './words.ts'

export type Tab = 'requests' | 'activity' | 'devices'

/** How a request ended, as far as this phone is concerned. */
export type Ending = 'approved' | 'denied' | 'reported' | 'closed' | 'expired' | 'too_many_wrong'

export type Place =
  | { readonly at: 'tab'; readonly tab: Tab }
  | { readonly at: 'request'; readonly request: ApprovalRequest }
  | { readonly at: 'ending'; readonly ending: Ending; readonly from: string }

/** One screen. The same key means the same screen: it stays as it is, with its input. */
export type Screen = { readonly key: string; readonly build: () => HTMLElement }

type Places = Readonly<Record<'screen' | 'banner' | 'sheet', HTMLElement>>

export class App {
  readonly handset: Handset
  readonly #places: Places
  readonly #choose: (app: App) => Screen
  #place: Place = { at: 'tab', tab: 'requests' }
  #key: string | null = null
  readonly #clocks = new Set<() => void>()

  constructor(handset: Handset, places: Places, choose: (app: App) => Screen) {
    this.handset = handset
    this.#places = places
    this.#choose = choose
    setInterval(() => {
      for (const tick of this.#clocks) tick()
    }, 500)
  }

  get place(): Place {
    return this.#place
  }

  get company(): string {
    return this.handset.settings.company
  }

  go(place: Place): void {
    this.#place = place
    this.render()
  }

  /** Shows the screen for the current state. */
  render(): void {
    const screen = this.#choose(this)
    if (screen.key === this.#key) return
    const isFirst = this.#key === null
    this.#key = screen.key
    this.#clocks.clear()
    show(this.#places.screen, screen.build(), !isFirst)
  }

  /** Rebuilds a screen even though its key is the same. */
  refresh(): void {
    this.#key = null
    this.render()
  }

  /** Calls periodically until the screen changes. */
  everyMoment(tick: () => void): void {
    tick()
    this.#clocks.add(tick)
  }

  words(error: unknown): string {
    return wordsOf(error, this.handset.stored.isOffline)
  }

  /** A notification that drops from the top. */
  notify(content: HTMLElement | null): void {
    this.#places.banner.replaceChildren(...(content === null ? [] : [content]))
  }

  /** A sheet over the screen that must be answered first; Escape means null. */
  ask<T>(
    label: string,
    build: (close: (answer: T | null) => void) => HTMLElement,
  ): Promise<T | null> {
    const { screen, sheet } = this.#places
    const before = document.activeElement
    return new Promise((resolve) => {
      const close = (answer: T | null) => {
        sheet.replaceChildren()
        screen.inert = false
        if (before instanceof HTMLElement && before.isConnected) before.focus()
        resolve(answer)
      }
      const dialog = el(
        'div',
        { class: 'sheet', role: 'dialog', 'aria-modal': 'true', 'aria-label': label, tabindex: -1 },
        build(close),
      )
      dialog.addEventListener('keydown', ({ key }) => {
        if (key === 'Escape') close(null)
      })
      screen.inert = true
      sheet.replaceChildren(dialog)
      const first = dialog.querySelector<HTMLElement>('[data-focus]') ?? dialog
      first.focus({ preventScroll: true })
    })
  }
}
