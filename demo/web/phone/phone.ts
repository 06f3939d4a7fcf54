// Entry of the phone page: `/phone?name=...&look=ios|android`, one phone per name. A link in the
// fragment is scanned immediately.

import { readEnrollmentUri } from '../../../clients/device/src/enrollment.ts'
import type { AppSettings } from '../../page-server.ts'
import { button, el, icon } from '../dom.ts'
import { App, type Screen } from './app.ts'
import { drawControls } from './controls.ts'
import { checkWhileShown } from './foreground.ts'
import { Handset, type HandsetEvent } from './handset.ts'
import { answer, endingScreen, requestScreen } from './request-screen.ts'
import { confirmScreen, foreignScreen, unregisteredScreen, welcomeScreen } from './setup-screens.ts'
import { drawStatusBar } from './status-bar.ts'
import { type Look, openStorage, type StoredPhone } from './storage.ts'
import { tabScreen } from './tab-screens.ts'

const parameters = new URLSearchParams(location.search)
const name = parameters.get('name')?.trim().slice(0, 64) || 'My phone'
const look: Look = parameters.get('look') === 'android' ? 'android' : 'ios'

const fresh: StoredPhone = {
  look,
  pushToken: null,
  keys: null,
  account: null,
  isUnregistered: false,
  isLost: false,
  isOffline: false,
  clockErrorMs: 0,
}

function place(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no place ${id}`)
  return element
}

/** The screen for the current state. */
function choose(app: App): Screen {
  const { condition, requests, stored } = app.handset
  const buildScreen = (key: string, build: (app: App) => HTMLElement): Screen => ({
    key,
    build: () => build(app),
  })
  if (condition === 'empty') return buildScreen('welcome', welcomeScreen)
  if (condition === 'foreign') return buildScreen('foreign', foreignScreen)
  if (condition === 'unregistered') return buildScreen('unregistered', unregisteredScreen)
  if (condition === 'unconfirmed') return buildScreen('confirm', confirmScreen)
  const { place: at } = app
  if (at.at === 'request') {
    return buildScreen(`request ${at.request.challengeId}`, () => requestScreen(app, at.request))
  }
  if (at.at === 'ending')
    return buildScreen(`ending ${at.ending}`, () => endingScreen(app, at.ending, at.from))
  const version =
    at.tab === 'requests' ? requests.map(({ challengeId }) => challengeId).join(' ') : ''
  return buildScreen(`tab ${at.tab} ${version} ${stored.account?.deviceId}`, () =>
    tabScreen(app, at.tab),
  )
}

/** The notification of a push, as on a lock screen: it can be opened or denied. */
function notification(app: App, event: Extract<HandsetEvent, { type: 'push' }>): HTMLElement {
  const { request } = event
  const close = (act: () => unknown) => () => {
    app.notify(null)
    return act()
  }
  return el(
    'div',
    { class: 'banner', role: 'group', 'aria-label': 'Notification' },
    el('img', { src: '/demo/web/countersign.svg', alt: '', width: 36, height: 36 }),
    el('span', {}, el('b', {}, 'Sign-in request'), el('span', {}, 'Open the app to check it.')),
    el(
      'div',
      { class: 'actions' },
      button(
        'Open',
        'primary',
        close(() => app.go({ at: 'request', request })),
      ),
      button(
        'Deny',
        'plain',
        close(() => answer(app, request, 'deny', null, el('div'))),
      ),
    ),
  )
}

function onEvent(app: App, event: HandsetEvent): void {
  const at = app.place
  if (event.type === 'push') {
    const isOpen = at.at === 'request' && at.request.challengeId === event.request.challengeId
    if (!isOpen) app.notify(notification(app, event))
  }
  if (event.type === 'closed') {
    app.notify(null)
    if (at.at === 'request' && at.request.challengeId === event.challengeId) {
      app.go({ at: 'ending', ending: 'closed', from: at.request.context.relyingParty })
    }
  }
  document.title = `${app.handset.requests.length > 0 ? '● ' : ''}${name}`
  app.render()
}

/**
 * A link that came with the page's address; it is removed from the address, because it contains a
 * secret.
 */
async function takeLink(app: App): Promise<void> {
  const ticket = readEnrollmentUri(decodeURIComponent(location.hash.slice(1)))
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search)
  if (!ticket || app.handset.condition !== 'empty') return
  await app.handset.enroll(ticket).catch(() => undefined)
}

async function start(): Promise<void> {
  const settings = (await (await fetch('/api/app-settings')).json()) as AppSettings
  const storage = await openStorage(name)
  const storedPhone = (await storage.load()) ?? fresh
  const draw = () => {
    document.documentElement.dataset.look = handset.stored.look
    drawStatusBar(place('status-bar'), handset)
    drawControls(place('controls'), handset, async () => {
      await storage.wipe()
      location.reload()
    })
  }
  const handset: Handset = new Handset(name, settings, storage, storedPhone, (event) => {
    draw()
    onEvent(app, event)
  })
  const places = { screen: place('screen'), banner: place('banner'), sheet: place('sheet') }
  const app = new App(handset, places, choose)
  draw()
  setInterval(() => drawStatusBar(place('status-bar'), handset), 1000)
  app.render()
  await handset.connect()
  await takeLink(app)
  addEventListener('hashchange', () => void takeLink(app))
  await handset.check().catch(() => undefined)
  const checkNow = checkWhileShown(
    () => document.visibilityState === 'visible' && app.place.at !== 'request',
    () => handset.check(),
  )
  document.addEventListener('visibilitychange', checkNow)
}

/** A frame around the phone where the window is wide, even when the page is itself in a frame. */
const viewer = window.parent.matchMedia('(min-width: 46rem)')
const drawFrame = () => document.documentElement.classList.toggle('framed', viewer.matches)
viewer.addEventListener('change', drawFrame)
drawFrame()

start().catch((error: unknown) => {
  const words = error instanceof Error ? error.message : String(error)
  place('screen').replaceChildren(
    el(
      'div',
      { class: 'page ending' },
      el('span', { class: 'seal bad' }, icon('cross')),
      el('h1', {}, 'The phone does not start'),
      el('p', {}, `${words}. Is the demo still running?`),
      button('Try again', 'primary', () => location.reload()),
    ),
  )
})
