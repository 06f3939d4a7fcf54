import { useState } from 'preact/hooks'
import type { App } from '../app.ts'
import { isMarked } from '../vault.ts'
import { InstallHint } from './install-hint.tsx'
import { LanguageChoice } from './language-choice.tsx'
import { OtherCodesLoaded } from './other-codes-loaded.tsx'
import { Heading, Note } from './parts.tsx'
import type { ScreenProps } from './use.ts'

/** Buttons that lead to a code. */
function Begin({ app }: ScreenProps) {
  const { welcome } = app.words.texts
  return (
    <div class="stack">
      <button type="button" class="wide" onClick={() => app.go({ at: 'add', by: 'scan' })}>
        {welcome.scan}
      </button>
      <button type="button" class="wide quiet" onClick={() => app.go({ at: 'add', by: 'type' })}>
        {welcome.type}
      </button>
    </div>
  )
}

/** Why nothing can be enrolled here; null where it can. */
function obstacleOf({ vault, words }: App): string | null {
  if (!isSecureContext) return words.texts.welcome.insecure
  return vault === null ? words.texts.welcome.unstored : null
}

/** The first start. */
export function WelcomeScreen({ app }: ScreenProps) {
  const { welcome } = app.words.texts
  const obstacle = obstacleOf(app)
  return (
    <>
      <Heading>{welcome.title}</Heading>
      <p>{welcome.what}</p>
      {obstacle === null ? (
        <>
          <p>{welcome.begin}</p>
          <Begin app={app} />
        </>
      ) : (
        <Note kind="bad">{obstacle}</Note>
      )}
      {isMarked('other-codes') && <OtherCodesLoaded app={app} />}
      <p class="soft small">{welcome.sameBrowser}</p>
      <InstallHint app={app} />
      <LanguageChoice app={app} />
    </>
  )
}

/** The browser evicted the keys. */
export function LostScreen({ app }: ScreenProps) {
  const { lost } = app.words.texts
  const [isBeginning, begin] = useState(false)
  return (
    <>
      <Heading>{lost.title}</Heading>
      <p>{lost.what}</p>
      <p>{lost.next}</p>
      {isBeginning ? (
        <Begin app={app} />
      ) : (
        <button type="button" onClick={() => begin(true)}>
          {lost.begin}
        </button>
      )}
      {isMarked('other-codes') && <OtherCodesLoaded app={app} />}
    </>
  )
}
