import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { type CodeForm, secondsLeft } from '../passcode.ts'
import { type ScreenProps, useClock } from './use.ts'

type CodeSource = {
  readonly form: Pick<CodeForm, 'period'>
  readonly now: () => number
  readonly read: (nowMs: number) => Promise<string>
}

/** A code that changes with its period, and how long it counts. */
export function CodeCard({
  app,
  title,
  source: { form, now: readNow, read },
  children,
}: ScreenProps & {
  readonly title: ComponentChildren
  readonly source: CodeSource
  readonly children?: ComponentChildren
}) {
  const { codes } = app.words.texts
  const [code, setCode] = useState('')
  const [isCopied, setCopied] = useState(false)
  useClock()
  const now = readNow()
  const seconds = secondsLeft(form, now)
  const step = Math.floor(now / 1000 / form.period)
  useEffect(() => {
    setCopied(false)
    void read(now).then(setCode)
  }, [step])
  const copy = () => {
    navigator.clipboard?.writeText(code).then(
      () => setCopied(true),
      () => undefined,
    )
  }
  const half = Math.ceil(code.length / 2)
  return (
    <li class="card">
      <h2>{title}</h2>
      <p class="code">{`${code.slice(0, half)} ${code.slice(half)}`}</p>
      <progress
        max={form.period}
        value={seconds}
        aria-label={app.words.count(codes.left, seconds)}
      />
      <div class="row">
        <span class="soft">{app.words.count(codes.left, seconds)}</span>
        <button type="button" class="quiet" onClick={copy}>
          {codes.copy}
        </button>
        {children}
        <span role="status">{isCopied && codes.copied}</span>
      </div>
    </li>
  )
}
