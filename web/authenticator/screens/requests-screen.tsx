import type { Member } from '../member.ts'
import { Filled, Heading, Note, Trouble } from './parts.tsx'
import { type ScreenProps, useAction } from './use.ts'

/** What is wrong with the accounts, and what to do. */
function Hints({ app }: ScreenProps) {
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

/** What can be said about the last look: how old it is, or why it failed. */
function Freshness({ app, live }: ScreenProps & { readonly live: readonly Member[] }) {
  const { requests, loading } = app.words.texts
  const [troubled] = live.filter(({ trouble }) => trouble !== null)
  const checkedAt = Math.min(...live.map((member) => member.checkedAt ?? 0))
  const time = checkedAt > 0 ? app.words.time(checkedAt) : null
  if (!navigator.onLine) {
    return (
      <>
        <Note kind="warn">
          {requests.offline} {time !== null && <Filled text={requests.since} values={{ time }} />}
        </Note>
        <p>
          <button type="button" onClick={() => app.go({ at: 'tab', tab: 'codes' })}>
            {requests.toCodes}
          </button>
        </p>
      </>
    )
  }
  if (troubled) return <Trouble app={app} error={troubled.trouble} />
  if (time === null) return <p class="soft">{loading}</p>
  const isEmpty = live.every((member) => member.requests.length === 0)
  return (
    <p class="soft">
      {isEmpty && `${requests.none} `}
      <Filled text={requests.checkedAt} values={{ time }} />
    </p>
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
          <button
            type="button"
            class="quiet"
            disabled={isBusy}
            onClick={() => begin(() => app.check())}
          >
            {requests.check}
          </button>
        </>
      )}
    </>
  )
}
