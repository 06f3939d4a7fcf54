import type { Place } from '../app.ts'
import { Filled, Heading } from './parts.tsx'
import type { ScreenProps } from './use.ts'

/** How a request ended; where the sign-in page is, only if the person asks for it. */
export function EndingScreen({
  app,
  place: { ending, request },
}: ScreenProps & { readonly place: Extract<Place, { readonly at: 'ending' }> }) {
  const { ending: texts } = app.words.texts
  const { returnUrl, context } = request
  return (
    <>
      <Heading>{texts[ending]}</Heading>
      <p>
        <Filled text={texts[`${ending}What`]} values={{ party: context.relyingParty }} />
      </p>
      <div class="row">
        {returnUrl !== null && ending === 'approved' && (
          <a class="button" href={returnUrl} rel="noopener noreferrer">
            <Filled text={texts.returnTo} values={{ host: new URL(returnUrl).host }} />
          </a>
        )}
        <button type="button" class="quiet" onClick={() => app.home()}>
          {texts.done}
        </button>
      </div>
    </>
  )
}
