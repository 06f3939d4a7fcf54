// Parts of screens.

import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { fillParts } from '../../../src/platform/texts/fill.ts'
import type { App } from '../app.ts'
import { useLoading } from './use.ts'

/** The heading of a screen, which takes the focus: screen readers begin there. */
export function Heading({ children }: { readonly children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    const { current } = heading
    if (!current) return
    document.title = `${current.textContent} · Countersign`
    current.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [])
  return (
    <h1 tabIndex={-1} ref={heading}>
      {children}
    </h1>
  )
}

/** A text with names in it, each isolated from the direction of the text around it. */
export function Filled({
  text,
  values,
}: {
  readonly text: string
  readonly values: Readonly<Record<string, string>>
}) {
  const names = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, <bdi key={key}>{value}</bdi>]),
  )
  return <>{fillParts<string | (typeof names)[string]>(text, names)}</>
}

export function Note({
  kind = 'plain',
  children,
}: {
  readonly kind?: 'plain' | 'good' | 'warn' | 'bad'
  readonly children: ComponentChildren
}) {
  return <p class={`note ${kind}`}>{children}</p>
}

/** What went wrong, read out at once; the place is there before it is needed. */
export function Trouble({ app, error }: { readonly app: App; readonly error: unknown }) {
  const text = error === null || error === undefined ? null : app.words.error(error)
  return <div role="alert">{text !== null && <p class="note bad">{text}</p>}</div>
}

export function Field({
  label,
  hint,
  fault,
  children,
}: {
  readonly label: string
  readonly hint?: string
  readonly fault?: string | null
  readonly children: (attributes: {
    readonly id: string
    readonly 'aria-describedby': string
    readonly 'aria-invalid': boolean
  }) => ComponentChildren
}) {
  const id = useId()
  // What is wrong is where the person goes on.
  useEffect(() => {
    if (fault) document.getElementById(id)?.focus()
  }, [fault, id])
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': `${id}-hint`, 'aria-invalid': Boolean(fault) })}
      <small id={`${id}-hint`} class={fault ? 'error' : 'soft'}>
        {fault || hint}
      </small>
    </div>
  )
}

/** A question that must be answered first; Escape closes it, and the focus returns. */
export function Sheet({
  title,
  onClose,
  children,
}: {
  readonly title: ComponentChildren
  readonly onClose: () => void
  readonly children: ComponentChildren
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}

/** Something that is loaded, with its states: loading, failed with a way to try again, there. */
export function Loaded<Value>({
  app,
  name,
  load,
  children,
}: {
  readonly app: App
  readonly name: string
  readonly load: () => Promise<Value>
  readonly children: (value: Value, again: () => void) => ComponentChildren
}) {
  const { value, trouble, again } = useLoading(load, name)
  const { texts } = app.words
  if (trouble !== undefined) {
    return (
      <>
        <Trouble app={app} error={trouble} />
        <button type="button" class="quiet" onClick={again}>
          {texts.retry}
        </button>
      </>
    )
  }
  if (value === undefined) return <p class="soft">{texts.loading}</p>
  return <>{children(value, again)}</>
}
