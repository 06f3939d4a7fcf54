import type { Member } from '../member.ts'
import { Filled, Heading, Trouble } from './parts.tsx'
import { type ScreenProps, useAction } from './use.ts'

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
