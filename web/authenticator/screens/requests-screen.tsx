import { useState } from 'preact/hooks'
import type { Member } from '../member.ts'
import { isPushOffered } from '../push-offer.ts'
import { OfflineHint } from './offline-hint.tsx'
import { Filled, Heading, Loaded, Note, Trouble } from './parts.tsx'
import { type ScreenProps, useAction } from './use.ts'

/** What is wrong with the accounts, and what to do. */
export function Hints({ app }: ScreenProps) {
  const { requests } = app.words.texts
  return (
    <>
      {app.members.map(({ id, account, endedAt }) => {
        const isEnded = endedAt !== null
        if (!isEnded && account.status === 'active') return null
        const at = isEnded ? 'ended' : 'confirm'
        return (
          <div key={id} class="card">
            <p>{isEnded ? requests.ended : requests.unconfirmed}</p>
            <button type="button" class="quiet" onClick={() => app.go({ at, id })}>
              {isEnded ? requests.toEnded : requests.toConfirm}
            </button>
          </div>
        )
      })}
    </>
  )
}

function Waiting({ app, member }: ScreenProps & { readonly member: Member }) {
  const { requests } = app.words.texts
  const { user, tenant } = member.account
  return (
    <>
      {member.requests.map(({ challengeId, context, createdAt }) => (
        <li key={challengeId} class="card">
          <h2>
            <Filled text={requests.asks} values={{ party: context.relyingParty }} />
          </h2>
          <p class="soft">
            {context.application && (
              <>
                <bdi>{context.application}</bdi> ·{' '}
              </>
            )}
            {app.words.time(createdAt)}
            {app.members.length > 1 && (
              <>
                {' · '}
                <bdi>{user.displayName}</bdi> · <bdi>{tenant.name}</bdi>
              </>
            )}
          </p>
          <button
            type="button"
            class="wide"
            onClick={() => app.go({ at: 'request', id: member.id, challengeId })}
          >
            {requests.open}
          </button>
        </li>
      ))}
    </>
  )
}

const isNothingWaiting = (live: readonly Member[]) =>
  live.every(({ requests }) => requests.length === 0)

/** What can be said about the last look: how old it is, or why it failed. */
function Freshness({ app, live }: ScreenProps & { readonly live: readonly Member[] }) {
  const { requests, loading } = app.words.texts
  const [troubled] = live.filter(({ trouble }) => trouble !== null)
  const checkedAt = Math.min(...live.map((member) => member.checkedAt ?? 0))
  const time = checkedAt > 0 ? app.words.time(checkedAt) : null
  if (!navigator.onLine) {
    return (
      <OfflineHint app={app}>
        {time !== null && <Filled text={requests.since} values={{ time }} />}
      </OfflineHint>
    )
  }
  if (troubled) return <Trouble app={app} error={troubled.trouble} />
  if (time === null) return <p class="soft">{loading}</p>
  return (
    <p class="soft">
      {isNothingWaiting(live) && `${requests.none} `}
      <Filled text={requests.checkedAt} values={{ time }} />
    </p>
  )
}

/** Loaded where there is something to offer: the click that follows must not wait for it. */
function Offer({ app }: ScreenProps) {
  const [isOffered] = useState(isPushOffered)
  if (!isOffered) return null
  return (
    <Loaded app={app} name="offer" load={() => app.words.withTexts(import('./push-offer.tsx'))}>
      {({ PushOffer }) => <PushOffer app={app} />}
    </Loaded>
  )
}

/** What waits for an answer. */
export function RequestsScreen({ app }: ScreenProps) {
  const { requests } = app.words.texts
  const { isBusy, begin } = useAction()
  const live = app.members.filter(({ isLive }) => isLive)
  const refused = live.reduce((sum, { refusedCount }) => sum + refusedCount, 0)
  return (
    <>
      <Heading>{requests.title}</Heading>
      <Hints app={app} />
      <ul class="cards" aria-live="polite">
        {live.map((member) => (
          <Waiting key={member.id} app={app} member={member} />
        ))}
      </ul>
      {refused > 0 && <Note kind="warn">{app.words.count(requests.refused, refused)}</Note>}
      {live.length > 0 && (
        <>
          <Freshness app={app} live={live} />
          <div class="row">
            <button
              type="button"
              class="quiet"
              disabled={isBusy}
              onClick={() => begin(() => app.check())}
            >
              {requests.check}
            </button>
          </div>
          {navigator.onLine && isNothingWaiting(live) && <Offer app={app} />}
        </>
      )}
    </>
  )
}
