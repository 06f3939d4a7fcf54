import { useEffect, useState } from 'preact/hooks'
import type { ScreenProps } from './use.ts'

type InstallPrompt = Event & { prompt(): Promise<unknown> }

let storedPrompt: InstallPrompt | null = null
const waiting = new Set<() => void>()
// Sent once, perhaps before a screen that shows it is open.
addEventListener('beforeinstallprompt', (event) => {
  event.preventDefault()
  storedPrompt = event as InstallPrompt
  for (const draw of waiting) draw()
})

const isInstalled = () => matchMedia('(display-mode: standalone)').matches
const isApple = /iPhone|iPad/.test(navigator.userAgent)

/** Whether something is missing that an iPhone or iPad gives to installed apps alone. */
export const needsInstall = (standing: string) =>
  standing === 'unsupported' && isApple && !isInstalled()

/** How to install the app in this browser; nothing where it is installed. */
export function InstallHint({ app }: ScreenProps) {
  const { install } = app.words.texts
  const [prompt, setPrompt] = useState(storedPrompt)
  useEffect(() => {
    const draw = () => setPrompt(storedPrompt)
    waiting.add(draw)
    return () => void waiting.delete(draw)
  }, [])
  if (isInstalled()) return null
  return (
    <section class="card">
      <h2>{install.title}</h2>
      <p>{install.why}</p>
      {prompt ? (
        <button type="button" class="quiet" onClick={() => void prompt.prompt()}>
          {install.button}
        </button>
      ) : (
        <p class="soft">{isApple ? install.ios : install.others}</p>
      )}
    </section>
  )
}
