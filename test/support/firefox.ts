// A Firefox without a window and with a profile of its own, whose push service is one of the tests.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'

const preferences = (pushPort: number) => ({
  'dom.push.serverURL': `ws://127.0.0.1:${pushPort}/`,
  'dom.push.testing.allowInsecureServerURL': true,
  'dom.push.alwaysConnect': true,
  'dom.push.connection.enabled': true,
  // A connection that was lost is opened again at once.
  'dom.push.retryBaseInterval': 100,
  'permissions.default.desktop-notification': 1,
  'alerts.useSystemBackend': false,
  'network.proxy.type': 0,
  'network.connectivity-service.enabled': false,
  'network.captive-portal-service.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.aboutwelcome.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.enabled': false,
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'extensions.update.enabled': false,
  'intl.accept_languages': 'en-GB',
  // Those that remote control prefers turn pushes off.
  'remote.prefs.recommended': false,
})

export type Firefox = AsyncDisposable & {
  /** Where it is controlled (WebDriver BiDi); only with `isDriven`. */
  readonly control: string | null
}

/** The address that Firefox prints once it can be controlled. */
async function controlOf({ stderr }: ChildProcess): Promise<string> {
  if (!stderr) throw new Error('Firefox has no output')
  for await (const line of createInterface(stderr)) {
    const address = /WebDriver BiDi listening on (ws:\S+)/.exec(line)?.[1]
    if (address) {
      stderr.resume()
      return address
    }
  }
  throw new Error('Firefox has ended')
}

/** Starts it at an address; its pushes come from that port of this machine. */
export async function startFirefox(
  program: string,
  { pushPort, address, isDriven = false }: FirefoxOptions,
): Promise<Firefox> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-firefox-'))
  const lines = Object.entries(preferences(pushPort)).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  )
  await writeFile(path.join(folder, 'user.js'), lines.join('\n'))
  // Its own windows, notifications among them, are reached by system access alone.
  const control = isDriven ? ['--remote-debugging-port', '0', '--remote-allow-system-access'] : []
  const words = ['--headless', '--no-remote', ...control, '--profile', folder, address]
  const environment = { ...process.env, HOME: folder, MOZ_DISABLE_CONTENT_SANDBOX: '1' }
  const browser = spawn(program, words, {
    stdio: ['ignore', 'ignore', isDriven ? 'pipe' : 'ignore'],
    env: environment,
    detached: true,
  })
  return {
    control: isDriven ? await controlOf(browser) : null,
    async [Symbol.asyncDispose]() {
      const exit = new Promise((resolve) => browser.once('exit', resolve))
      // The whole group: its content processes would outlive it.
      if (browser.pid) process.kill(-browser.pid, 'SIGKILL')
      await exit
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

export type FirefoxOptions = {
  readonly pushPort: number
  readonly address: string
  readonly isDriven?: boolean
}

type Answer = { readonly id?: number; readonly error?: string; readonly message?: string }
type Evaluated = {
  readonly result?: { readonly value?: string }
  readonly exceptionDetails?: { readonly text: string }
}
type Tree = {
  readonly contexts: readonly { readonly context: string; readonly url: string }[]
}

/** Presses the mouse in the middle of a notification, as its window sees a person do it. */
const clickInAlert = (title: string) => `(() => {
  const label = document.getElementById('alertTitleLabel')
  if (label?.getAttribute('value') !== ${JSON.stringify(title)}) return 'another'
  const { x, y, width, height } = label.getBoundingClientRect()
  if (width === 0) return 'not there yet'
  const button = { button: 0, clickCount: 1 }
  for (const type of ['mousedown', 'mouseup']) {
    window.synthesizeMouseEvent(type, x + width / 2, y + height / 2, button, {})
  }
  return 'clicked'
})()`

/**
 * A driven Firefox: runs an expression in its page as in a click, and reads its JSON; clicks on the
 * notifications that it shows.
 */
export async function drive(control: string) {
  const socket = new WebSocket(`${control}/session`)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', () => reject(new Error('Firefox takes no commands')))
  })
  const waiting = new Map<number, (answer: Answer & { readonly result?: unknown }) => void>()
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data))
    waiting.get(answer.id)?.(answer)
  })
  let id = 0
  const command = async (method: string, params: object): Promise<unknown> => {
    id += 1
    const own = id
    const answer = new Promise<Answer & { readonly result?: unknown }>((resolve) =>
      waiting.set(own, resolve),
    )
    socket.send(JSON.stringify({ id: own, method, params }))
    const { error, message, result } = await answer
    if (error) throw new Error(`${method}: ${error}: ${message}`)
    return result
  }
  await command('session.new', { capabilities: {} })
  const contextsOf = async (scope: object = {}) =>
    ((await command('browsingContext.getTree', scope)) as Tree).contexts
  let context = (await contextsOf())[0]?.context
  const runIn = async (place: string | undefined, expression: string): Promise<unknown> => {
    const { result, exceptionDetails } = (await command('script.evaluate', {
      expression: `(async () => JSON.stringify((await (${expression})) ?? null))()`,
      target: { context: place },
      awaitPromise: true,
      userActivation: true,
    })) as Evaluated
    if (exceptionDetails) throw new Error(exceptionDetails.text)
    return JSON.parse(result?.value ?? 'null')
  }
  const open = (url: string) =>
    command('browsingContext.navigate', { context, url, wait: 'complete' })
  return {
    run: (expression: string) => runIn(context, expression),
    open,
    /** True once it has clicked on a notification with that title. */
    async clickNotification(title: string): Promise<boolean> {
      const windows = await contextsOf({ 'moz:scope': 'chrome' })
      for (const one of windows.filter(({ url }) => url.endsWith('/alert.xhtml'))) {
        if ((await runIn(one.context, clickInAlert(title))) === 'clicked') return true
      }
      return false
    },
    /** Goes on in the window that was opened last; the one before stays open. */
    async followNewWindow(): Promise<boolean> {
      const others = (await contextsOf()).filter((one) => one.context !== context)
      const newest = others.at(-1)
      if (newest) context = newest.context
      return newest !== undefined
    },
    close: () => socket.close(),
  }
}
