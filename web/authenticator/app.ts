// The state of the app: its accounts, what waits for them, and which screen is open.

import type { Passkey, PendingRequest } from '../../clients/device/src/device.ts'
import { type Beginning, enroll } from './enroll.ts'
import { namedTenant, type Scan, takeFragment } from './fragment.ts'
import { Member } from './member.ts'
import { askToPersist, type Enrolled, isEnrolled, isMarked, mark, Vault } from './vault.ts'
import { chooseLanguage, currentLanguage, type Language, languages, Words } from './words.ts'

export type Tab = 'requests' | 'codes' | 'activity' | 'more'

/** How a request ended, for this browser. */
export type Ending = 'approved' | 'denied' | 'reported' | 'closed' | 'expired' | 'mismatch'

/** What is on the screen. */
export type Place =
  | { readonly at: 'tab'; readonly tab: Tab }
  | { readonly at: 'add'; readonly by: 'scan' | 'type' | 'link' }
  | { readonly at: 'confirm' | 'account' | 'phone' | 'ended'; readonly id: string }
  | { readonly at: 'request'; readonly id: string; readonly challengeId: string }
  | { readonly at: 'ending'; readonly ending: Ending; readonly request: PendingRequest }

const home: Place = { at: 'tab', tab: 'requests' }
/** The service answers as soon as something changes, at most this much later. */
const waitSecondsMax = 10
const breathMs = 300
/** Where the service cannot wait. */
const checkEveryMs = 3_000
/** After a failed check. */
const checkLaterMs = 10_000

export class App {
  words: Words
  members: readonly Member[] = []
  /** Null where the browser keeps nothing. */
  vault: Vault | null = null
  isReady = false
  /** The keys of earlier accounts are gone. */
  isLost = false
  /** What an address brought along; taken by the screen that asks about it. */
  scan: Scan | null = null
  tenantId: string | null = namedTenant()
  isPersisted = true
  notice: string | null = null
  /** The challenge whose answer is on its way. */
  answering: string | null = null
  place: Place = home
  readonly #listeners = new Set<() => void>()
  readonly #windows = new BroadcastChannel('countersign-authenticator')
  readonly #watchedMembers = new Set<Member>()
  #checking: Promise<void> | null = null

  constructor(words: Words) {
    this.words = words
    addEventListener('popstate', ({ state }) => this.#show((state as Place | null) ?? home))
    addEventListener('hashchange', () => this.#takeFragment())
    addEventListener('online', () => this.#look())
    addEventListener('offline', () => this.changed())
    document.addEventListener('visibilitychange', () => this.#look())
    navigator.serviceWorker?.addEventListener('message', () => void this.check())
    this.#windows.onmessage = () => void this.load().catch(() => undefined)
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Opens what is stored, and begins to look for requests. */
  async start(): Promise<void> {
    this.#takeFragment()
    this.vault = isSecureContext ? await Vault.open().catch(() => null) : null
    await this.load().catch(() => {
      // What cannot be read is not lost.
      this.vault = null
    })
    this.isLost = this.vault !== null && this.members.length === 0 && isMarked('accounts')
    this.isReady = true
    this.changed()
    this.#look()
    void this.#renewPushes()
  }

  /** Reads the accounts; those that are open stay as they are, with what waits for them. */
  async load(): Promise<void> {
    const records = (await this.vault?.all()) ?? []
    this.members = records
      .filter(isEnrolled)
      .map((one) => this.members.find((member) => isSame(member, one)) ?? this.#open(one))
    this.isPersisted = (await navigator.storage?.persisted?.().catch(() => true)) ?? true
    this.changed()
  }

  member(id: string): Member | undefined {
    return this.members.find((one) => one.id === id)
  }

  /** Goes to another screen; the browser's Back leads here again. */
  go(place: Place): void {
    this.notice = null
    history.pushState(place, '')
    this.#show(place)
  }

  /** Goes on without a way back to the screen before. */
  replace(place: Place): void {
    history.replaceState(place, '')
    this.#show(place)
  }

  home(): void {
    this.replace(home)
  }

  /** A message above the screen, until the person goes on. */
  say(notice: string): void {
    this.notice = notice
    this.changed()
  }

  async speak(language: Language): Promise<void> {
    chooseLanguage(language)
    this.words = new Words(language, await languages[language].load())
    this.changed()
    const live = this.members.filter(({ isLive }) => isLive)
    // For the texts of pushes; the app itself needs no answer.
    await Promise.allSettled(live.map(({ client }) => client.updateSelf({ language })))
  }

  /** Enrolls this browser; the keys are asked to be kept. */
  async add(beginning: Beginning): Promise<Enrolled> {
    if (!this.vault) throw new Error('the browser keeps nothing')
    const { vault, words } = this
    const record = await enroll(beginning, { vault, language: words.language })
    this.scan = null
    this.isLost = false
    this.members = [...this.members, this.#open(record)]
    this.#tell()
    void this.#renewPushes()
    void this.#keep()
    const isActive = record.account.status === 'active'
    this.replace(isActive ? home : { at: 'confirm', id: record.id })
    return record
  }

  /** The accounts that notifications are about. */
  get pushedMembers(): readonly Member[] {
    return this.members.filter(({ endedAt }) => endedAt === null)
  }

  /** Not waited for: Firefox asks the person, who may never answer. */
  async #keep(): Promise<void> {
    this.isPersisted = await askToPersist()
    this.changed()
  }

  async #renewPushes(): Promise<void> {
    // Without the permission there is no subscription, and no need of what renews it.
    if (globalThis.Notification?.permission !== 'granted') return
    const { renewPushes } = await import('./pushes.ts')
    await renewPushes(this.pushedMembers).catch(() => undefined)
  }

  /** Forgets an account and its keys. */
  async forget(member: Member): Promise<void> {
    await this.vault?.remove(member.id)
    this.members = this.members.filter((one) => one !== member)
    mark('accounts', this.members.length > 0)
    const { passkey } = member.client.keys
    if (passkey) void this.#drop(passkey).catch(() => undefined)
    this.#tell()
    this.home()
  }

  /** Without it the manager goes on offering a passkey that nobody accepts. */
  async #drop(passkey: Pick<Passkey, 'id'>): Promise<void> {
    const { dropPasskey } = await import('./passkey.ts')
    await dropPasskey(passkey)
  }

  /** Looks for requests of every account now, and from then on waits for others. */
  check(): Promise<void> {
    this.#checking ??= this.#checkAll().finally(() => {
      this.#checking = null
    })
    return this.#checking
  }

  async #checkAll(): Promise<void> {
    const live = this.members.filter((member) => member.isLive)
    await Promise.all(live.map((member) => member.check()))
    this.changed()
    for (const member of live) if (!this.#watchedMembers.has(member)) void this.#watch(member)
  }

  /** Only while somebody looks: browsers slow hidden pages down, and a service has other work. */
  #look(): void {
    if (document.visibilityState === 'visible' && this.isReady) void this.check()
  }

  /** Until the page is hidden, or the account has gone. */
  async #watch(member: Member): Promise<void> {
    this.#watchedMembers.add(member)
    while (document.visibilityState === 'visible' && member.isLive) {
      const { trouble, canWait } = member
      const pauseMs = trouble !== null ? checkLaterMs : canWait ? breathMs : checkEveryMs
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      if (!this.members.includes(member)) break
      await member.check({ waitSeconds: waitSecondsMax })
      this.changed()
    }
    this.#watchedMembers.delete(member)
  }

  #open(record: Enrolled): Member {
    const tell = () => this.#tell()
    return new Member(record, this.vault as Vault, this.words.language, tell)
  }

  #show(place: Place): void {
    this.place = place
    this.changed()
  }

  #takeFragment(): void {
    const scan = takeFragment()
    if (scan === null) return
    this.scan = scan
    this.replace({ at: 'add', by: 'link' })
  }

  /** The other windows of this browser read the accounts again. */
  #tell(): void {
    this.#windows.postMessage('accounts')
  }
}

/** Whether an open account is what is stored: another window may have confirmed or ended it. */
function isSame({ stored }: Member, { id, account, endedAt }: Enrolled): boolean {
  return stored.id === id && stored.endedAt === endedAt && stored.account.status === account.status
}

/** The app in the language of this browser. */
export async function createApp(): Promise<App> {
  const language = currentLanguage()
  return new App(new Words(language, await languages[language].load()))
}
