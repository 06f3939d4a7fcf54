import type { PendingRequest } from '../../../clients/device/src/device.ts'
import type { Member } from '../member.ts'
import { Filled, Note } from './parts.tsx'
import type { ScreenProps } from './use.ts'

/**
 * Says so where a sign-in seems to come from this very browser. Of many browsers of one kind the
 * names are equal, so that it may be another one.
 */
export function OneChannel({ app, request }: ScreenProps & { readonly request: PendingRequest }) {
  if (request.context.userAgent !== navigator.userAgent) return null
  return <Note kind="warn">{app.words.texts.request.sameBrowser}</Note>
}

/**
 * Everything that was signed about a request. Its texts are the relying party's: plain text, each
 * isolated, so that it reorders nothing around it.
 */
export function RequestFacts({
  app,
  member,
  request: { context, createdAt },
}: ScreenProps & { readonly member: Member; readonly request: PendingRequest }) {
  const { request: texts } = app.words.texts
  const { transaction, fields = [] } = context
  const { user, tenant } = member.account
  const facts: readonly (readonly [string, string | undefined])[] = [
    [texts.amount, transaction && `${transaction.amount} ${transaction.currency}`],
    [texts.payee, transaction?.payee],
    [texts.application, context.application],
    [texts.action, context.action],
    [texts.location, context.location],
    [texts.ip, context.ip],
    [texts.userAgent, context.userAgent],
    [texts.askedAt, app.words.time(createdAt)],
    [texts.account, `${user.displayName} · ${tenant.name}`],
  ]
  return (
    <>
      <dl class="card">
        {facts.map(
          ([name, value]) =>
            value !== undefined && (
              <>
                <dt>{name}</dt>
                <dd>
                  <bdi>{value}</bdi>
                </dd>
              </>
            ),
        )}
      </dl>
      {fields.length > 0 && (
        <section>
          <h2>
            <Filled text={texts.says} values={{ party: context.relyingParty }} />
          </h2>
          <dl class="card">
            {fields.map(({ label, value }) => (
              <>
                <dt>
                  <bdi>{label}</bdi>
                </dt>
                <dd>
                  <bdi>{value}</bdi>
                </dd>
              </>
            ))}
          </dl>
        </section>
      )}
    </>
  )
}
