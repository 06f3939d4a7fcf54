import type { ComponentChildren } from 'preact'
import { Note } from './parts.tsx'
import type { ScreenProps } from './use.ts'

/** What a person without a network can do. */
export function OfflineHint({
  app,
  children,
}: ScreenProps & { readonly children?: ComponentChildren }) {
  const { requests } = app.words.texts
  return (
    <>
      <Note kind="warn">
        {requests.offline} {children}
      </Note>
      <p>
        <button type="button" onClick={() => app.go({ at: 'tab', tab: 'codes' })}>
          {requests.toCodes}
        </button>
      </p>
    </>
  )
}
