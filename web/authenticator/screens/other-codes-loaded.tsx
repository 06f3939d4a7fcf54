import { Loaded } from './parts.tsx'
import type { ScreenProps } from './use.ts'

/** Codes of other services, loaded when somebody looks at codes; they need no account. */
export function OtherCodesLoaded({ app }: ScreenProps) {
  return (
    <Loaded app={app} name="other codes" load={() => import('./other-codes.tsx')}>
      {({ OtherCodes }) => <OtherCodes app={app} />}
    </Loaded>
  )
}
