import { useEffect } from 'preact/hooks'
import type { App, Place, Tab } from '../app.ts'
import { CodesScreen } from './codes-screen.tsx'
import { EndingScreen } from './ending-screen.tsx'
import { Loaded } from './parts.tsx'
import { RequestScreen } from './request-screen.tsx'
import { RequestsScreen } from './requests-screen.tsx'
import { type MemberProps, type ScreenProps, useChanges } from './use.ts'
import { LostScreen, WelcomeScreen } from './welcome-screens.tsx'

/** Loaded when it is opened, as the account is: what waits is shown the sooner. */
function Activity({ app }: ScreenProps) {
  return (
    <Loaded
      app={app}
      name="activity"
      load={() => app.words.withTexts(import('./activity-screen.tsx'))}
    >
      {({ ActivityScreen }) => <ActivityScreen app={app} />}
    </Loaded>
  )
}

function Add({ app, by }: ScreenProps & { readonly by: (Place & { readonly at: 'add' })['by'] }) {
  return (
    <Loaded app={app} name="add" load={() => app.words.withTexts(import('./add-screen.tsx'))}>
      {({ AddScreen }) => <AddScreen key={by} app={app} by={by} />}
    </Loaded>
  )
}

function Settings({ app }: ScreenProps) {
  return (
    <Loaded
      app={app}
      name="settings"
      load={() => app.words.withTexts(import('./settings-screen.tsx'))}
    >
      {({ SettingsScreen }) => <SettingsScreen app={app} />}
    </Loaded>
  )
}

function Account({ app, member }: MemberProps) {
  return (
    <Loaded
      app={app}
      name="account"
      load={() => app.words.withTexts(import('./account-screen.tsx'))}
    >
      {({ AccountScreen }) => <AccountScreen app={app} member={member} />}
    </Loaded>
  )
}

function Confirm({ app, member }: MemberProps) {
  return (
    <Loaded app={app} name="confirm" load={() => import('./confirm-screen.tsx')}>
      {({ ConfirmScreen }) => <ConfirmScreen app={app} member={member} />}
    </Loaded>
  )
}

function Ended({ app, member }: MemberProps) {
  return (
    <Loaded app={app} name="ended" load={() => import('./ended-screen.tsx')}>
      {({ EndedScreen }) => <EndedScreen app={app} member={member} />}
    </Loaded>
  )
}

function Phone({ app, member }: MemberProps) {
  return (
    <Loaded app={app} name="phone" load={() => app.words.withTexts(import('./phone-screen.tsx'))}>
      {({ PhoneScreen }) => <PhoneScreen app={app} member={member} />}
    </Loaded>
  )
}

const tabs = {
  requests: RequestsScreen,
  codes: CodesScreen,
  activity: Activity,
  more: Settings,
} as const

function Tabs({ app, tab }: ScreenProps & { readonly tab: Tab }) {
  const { texts } = app.words
  return (
    <nav class="tabs" aria-label={texts.tabs.label}>
      {(Object.keys(tabs) as Tab[]).map((name) => (
        <button
          key={name}
          type="button"
          aria-current={name === tab ? 'page' : undefined}
          onClick={() => app.go({ at: 'tab', tab: name })}
        >
          {texts.tabs[name]}
        </button>
      ))}
    </nav>
  )
}

/** The screen of a place; one about an account that is gone is the first one. */
function Content({ app, place }: ScreenProps & { readonly place: Place }) {
  if (place.at === 'add') return <Add app={app} by={place.by} />
  if (place.at === 'ending') return <EndingScreen app={app} place={place} />
  if (place.at !== 'tab') {
    const member = app.member(place.id)
    if (member && place.at === 'confirm') return <Confirm app={app} member={member} />
    if (member && place.at === 'account') return <Account app={app} member={member} />
    if (member && place.at === 'ended') return <Ended app={app} member={member} />
    if (member && place.at === 'phone') return <Phone app={app} member={member} />
    if (member && place.at === 'request') {
      const { challengeId } = place
      return <RequestScreen key={challengeId} app={app} member={member} challengeId={challengeId} />
    }
  }
  if (app.isLost) return <LostScreen app={app} />
  if (app.members.length === 0) return <WelcomeScreen app={app} />
  const tab = place.at === 'tab' ? place.tab : 'requests'
  const TabScreen = tabs[tab]
  return (
    <>
      <TabScreen key={tab} app={app} />
      <Tabs app={app} tab={tab} />
    </>
  )
}

/** The app: whatever is open at the moment. */
export function Screen({ app }: { readonly app: App }) {
  useChanges(app)
  const { language, texts } = app.words
  useEffect(() => {
    document.documentElement.lang = language
    document.documentElement.dir = texts.direction
  }, [language, texts])
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        {texts.skip}
      </button>
      <main id="content" tabIndex={-1}>
        <div role="status">{app.notice !== null && <p class="note good">{app.notice}</p>}</div>
        {app.isReady ? (
          <Content key={language} app={app} place={app.place} />
        ) : (
          <p class="soft">{texts.loading}</p>
        )}
      </main>
    </>
  )
}

/** A button, because the fragment of the address belongs to codes. */
function skip(): void {
  document.getElementById('content')?.focus()
}
