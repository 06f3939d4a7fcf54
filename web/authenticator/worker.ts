// Opens the app without a network: its own files are kept, and no answer of the API ever is. Shows
// what is pushed to this browser, tells the service so, and wakes the windows of the app.

import { confirmReceipt, renewSubscription } from './worker-calls.ts'

type WorkerEvent = Event & { waitUntil(work: Promise<unknown>): void }
type FetchEvent = WorkerEvent & {
  readonly request: Request
  respondWith(answer: Promise<Response>): void
}
type PushEvent = WorkerEvent & { readonly data: { json(): unknown } | null }
type ClickEvent = WorkerEvent & { readonly notification: Notification }
type AppWindow = {
  readonly url: string
  focus(): Promise<unknown>
  postMessage(message: unknown): void
}
type Worker = {
  addEventListener(type: 'install' | 'activate', act: (event: WorkerEvent) => void): void
  addEventListener(type: 'fetch', act: (event: FetchEvent) => void): void
  addEventListener(type: 'push', act: (event: PushEvent) => void): void
  addEventListener(type: 'notificationclick', act: (event: ClickEvent) => void): void
  addEventListener(type: 'pushsubscriptionchange', act: (event: WorkerEvent) => void): void
  skipWaiting(): Promise<void>
  readonly registration: ServiceWorkerRegistration
  readonly clients: {
    claim(): Promise<void>
    matchAll(which: { type: 'window'; includeUncontrolled: boolean }): Promise<AppWindow[]>
    openWindow(address: string): Promise<unknown>
  }
}

const self = globalThis as unknown as Worker
/** Written by the build: the page first, then what it loads. */
const files = '__FILES__' as unknown as readonly string[]
const [page = ''] = files
const cacheName = `countersign ${files.join(' ')}`
const patienceMs = 4_000

self.addEventListener('install', (event) => {
  const keep = async () => {
    const cache = await caches.open(cacheName)
    await cache.addAll(files.map((file) => new Request(file, { cache: 'reload' })))
    await self.skipWaiting()
  }
  event.waitUntil(keep())
})

self.addEventListener('activate', (event) => {
  const tidy = async () => {
    const names = await caches.keys()
    const others = names.filter((name) => name.startsWith('countersign ') && name !== cacheName)
    // Windows of the version before may be open, and load further screens by their old names.
    await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)))
    await self.clients.claim()
  }
  event.waitUntil(tidy())
})

/** The page from the network, so that a new version is seen at once; without one, what is kept. */
async function openPage(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(patienceMs) })
    if (answer.ok) return answer
  } catch {
    // There is no network.
  }
  return (await caches.match(page)) ?? Response.error()
}

self.addEventListener('fetch', (event) => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== location.origin) return
  if (request.mode === 'navigate' && pathname === page) event.respondWith(openPage(request))
  else if (pathname.startsWith(`${page}assets/`) || files.slice(1).includes(pathname)) {
    event.respondWith(caches.match(request).then((copy) => copy ?? fetch(request)))
  }
})

type Fields = Readonly<Record<string, unknown>>
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {}
const textOf = (value: unknown, other: string) =>
  typeof value === 'string' && value !== '' ? value : other

/** The notification of a push, of a declarative message; empty for anything else. */
function notificationIn({ data }: PushEvent): Fields {
  try {
    return fieldsOf(fieldsOf(data?.json()).notification)
  } catch {
    return {}
  }
}

/** A browser takes the permission away from apps that show nothing: whatever came is shown. */
function show(fields: Fields): Promise<void> {
  const isSilent = fields.silent === true
  const options = {
    body: textOf(fields.body, 'Open the app to see what is new.'),
    lang: textOf(fields.lang, ''),
    dir: fields.dir === 'ltr' || fields.dir === 'rtl' ? fields.dir : 'auto',
    // The newest of a sign-in takes the place of the others, and rings unless it is the end.
    tag: textOf(fields.tag, 'countersign'),
    renotify: !isSilent,
    silent: isSilent,
    icon: `${page}icons/icon-192.png`,
    data: { navigate: fields.navigate },
  } as const
  return self.registration.showNotification(textOf(fields.title, 'Countersign'), options)
}

async function appWindows(): Promise<AppWindow[]> {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  return windows.filter(({ url }) => new URL(url).pathname.startsWith(page))
}

self.addEventListener('push', (event) => {
  const wake = async () => {
    for (const one of await appWindows()) one.postMessage('push')
  }
  const notification = notificationIn(event)
  const receipt = confirmReceipt(fieldsOf(notification.data)).catch(() => undefined)
  event.waitUntil(Promise.all([show(notification), wake(), receipt]))
})

self.addEventListener('pushsubscriptionchange', (event) => {
  const renewal = renewSubscription(self.registration.pushManager)
  // The app does it when it is opened next.
  event.waitUntil(renewal.catch(() => undefined))
})

/** Where a click leads: within this app, whatever the push says. */
function addressOf(navigate: unknown): string {
  const url = URL.parse(String(navigate))
  const isOwn = url?.origin === location.origin && url.pathname.startsWith(page)
  return url && isOwn ? url.href : page
}

self.addEventListener('notificationclick', (event) => {
  const { notification } = event
  const open = async () => {
    const [first] = await appWindows()
    await (first?.focus() ?? self.clients.openWindow(addressOf(notification.data?.navigate)))
  }
  notification.close()
  event.waitUntil(open())
})
