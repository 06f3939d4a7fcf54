import { fill } from '../../../src/platform/texts/fill.ts'
import type { Member } from '../member.ts'
import { isolate } from '../words.ts'
import { InstallHint } from './install-hint.tsx'
import { LanguageChoice } from './language-choice.tsx'
import { NotificationSetting } from './notification-setting.tsx'
import { Heading } from './parts.tsx'
import type { ScreenProps } from './use.ts'

/** Those of one organisation together. */
function byTenant({ account: one }: Member, { account: other }: Member): number {
  const { tenant, user } = one
  return (
    tenant.name.localeCompare(other.tenant.name) ||
    user.displayName.localeCompare(other.user.displayName)
  )
}

/** Accounts, language, and what this browser promises. */
export function SettingsScreen({ app }: ScreenProps) {
  const { settings } = app.words.texts
  const { account: texts } = app.words.later
  return (
    <>
      <Heading>{settings.title}</Heading>
      <h2>{settings.accounts}</h2>
      <ul class="cards">
        {app.members.toSorted(byTenant).map(({ id, account: { user, tenant }, endedAt }) => (
          <li key={id}>
            <button
              type="button"
              class="wide quiet"
              onClick={() => app.go({ at: endedAt === null ? 'account' : 'ended', id })}
            >
              {fill(texts.title, { user: isolate(user.displayName), tenant: isolate(tenant.name) })}
            </button>
          </li>
        ))}
      </ul>
      <div class="row">
        <button type="button" onClick={() => app.go({ at: 'add', by: 'scan' })}>
          {settings.addAccount}
        </button>
      </div>
      <LanguageChoice app={app} />
      <NotificationSetting app={app} />
      <h2>{settings.storage}</h2>
      <p>{app.isPersisted ? settings.kept : settings.evictable}</p>
      <p class="soft small">{settings.oneChannel}</p>
      <InstallHint app={app} />
    </>
  )
}
