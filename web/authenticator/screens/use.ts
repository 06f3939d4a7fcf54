// What screens share.

import { useCallback, useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks'
import type { App } from '../app.ts'
import type { Member } from '../member.ts'

export type ScreenProps = { readonly app: App }
export type MemberProps = ScreenProps & { readonly member: Member }

/** Draws again when the app has changed; listens before the first paint, when it may already. */
export function useChanges(app: App): void {
  const [, draw] = useReducer((count: number) => count + 1, 0)
  useLayoutEffect(() => app.subscribe(() => draw(undefined as never)), [app])
}

/** Draws again at each whole second, and returns the time. */
export function useClock(): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}

/** One action at a time: whether it runs, what went wrong, and how to begin. */
export function useAction(): {
  readonly isBusy: boolean
  readonly trouble: unknown
  readonly begin: (act: () => Promise<unknown>) => void
  readonly fail: (trouble: unknown) => void
} {
  const [isBusy, setBusy] = useState(false)
  const [trouble, fail] = useState<unknown>(null)
  const running = useRef(false)
  const begin = useCallback((act: () => Promise<unknown>) => {
    if (running.current) return
    running.current = true
    setBusy(true)
    fail(null)
    act()
      .catch((error: unknown) => fail(error))
      .finally(() => {
        running.current = false
        setBusy(false)
      })
  }, [])
  return { isBusy, trouble, begin, fail }
}

/** Something to load: undefined while it loads. */
export type Loading<Value> = { readonly value?: Value; readonly trouble?: unknown }

/** Loads when the screen opens, and again with `again`. */
export function useLoading<Value>(
  load: () => Promise<Value>,
  name: string,
): Loading<Value> & { readonly again: () => void } {
  const [state, setState] = useState<Loading<Value>>({})
  const latest = useRef(load)
  latest.current = load
  const again = useCallback(() => {
    setState({})
    latest.current().then(
      (value) => setState({ value }),
      (trouble: unknown) => setState({ trouble }),
    )
  }, [])
  useEffect(again, [again, name])
  return { ...state, again }
}
