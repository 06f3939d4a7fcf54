import { type Enrolling, EnrollTrouble } from './enrolling.tsx'
import { Heading } from './parts.tsx'
import type { ScreenProps } from './use.ts'

type OfferProps = ScreenProps & { readonly enrolling: Enrolling }

/** What a passkey is for, and that there is a way without one. */
function SetUp({ app, enrolling }: OfferProps) {
  const { passkey } = app.words.later
  const { isBusy, standing, create, claim } = enrolling
  return (
    <>
      <Heading>{passkey.title}</Heading>
      <p>{passkey.what}</p>
      <p>{passkey.without}</p>
      {standing === 'external' && <p class="soft">{passkey.external}</p>}
      <EnrollTrouble app={app} enrolling={enrolling} />
      <div class="row">
        <button type="button" disabled={isBusy} onClick={create}>
          {passkey.setUp}
        </button>
        <button
          type="button"
          class="quiet"
          disabled={isBusy}
          onClick={() => claim({ withPasskey: false })}
        >
          {passkey.skip}
        </button>
      </div>
    </>
  )
}

/** Its first use shows the service that it works: from a click of its own, as browsers want it. */
function FirstUse({ app, enrolling }: OfferProps) {
  const { passkey } = app.words.later
  const { isBusy, claim } = enrolling
  return (
    <>
      <Heading>{passkey.useTitle}</Heading>
      <p>{passkey.useWhat}</p>
      <EnrollTrouble app={app} enrolling={enrolling} />
      <div class="row">
        <button type="button" disabled={isBusy} onClick={() => claim({ withPasskey: true })}>
          {passkey.use}
        </button>
        <button
          type="button"
          class="quiet"
          disabled={isBusy}
          onClick={() => claim({ withPasskey: false })}
        >
          {passkey.goOnWithout}
        </button>
      </div>
    </>
  )
}

/** Offers a passkey before the code is claimed: it cannot be added to a device afterwards. */
export function PasskeyOffer({ app, enrolling }: OfferProps) {
  const Step = enrolling.newPasskey ? FirstUse : SetUp
  return <Step app={app} enrolling={enrolling} />
}
