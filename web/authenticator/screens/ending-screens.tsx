import type { Place } from '../app.ts'
import type { Member } from '../member.ts'
import { Filled, Heading, Trouble } from './parts.tsx'
import { type ScreenProps, useAction } from './use.ts'

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

/** The device was unregistered elsewhere. */
export function EndedScreen({ app, member }: ScreenProps & { readonly member: Member }) {
  const { ended } = app.words.texts
  const { user, tenant } = member.account
  const { trouble, begin } = useAction()
  const values = {
    user: user.displayName,
    tenant: tenant.name,
    time: app.words.time(member.endedAt ?? Date.now()),
  }
  return (
    <>
      <Heading>{ended.title}</Heading>
      <p>
        <Filled text={ended.what} values={values} />
      </p>
      <p>{ended.next}</p>
      <Trouble app={app} error={trouble} />
      <button type="button" class="danger" onClick={() => begin(() => app.forget(member))}>
        {ended.erase}
      </button>
    </>
  )
}
