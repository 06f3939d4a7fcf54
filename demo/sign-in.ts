import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type DecidedChallenge, RefusedCall } from '../clients/typescript/src/client.ts'
import { Happenings, progressOf } from './happenings.ts'
import type { Device, RelyingParty } from './relying-party.ts'
import { approveStep, endingOf, proofOf, pushAgainAt, refusalOf } from './sign-in-steps.ts'
import type { ApproveStep, EnrollStep, SignedInStep, SignInView, Step } from './sign-in-view.ts'

/** The browser, and what the phone shows about the origin of a sign-in. */
export type Browser = {
  /**
   * Kept in a long-lived cookie, so that unknown initiators cannot use up the pushes of a browser
   * that the user signs in from.
   */
  readonly id: string
  readonly ip: string
  readonly location: string
  readonly name: string
}

const retryMs = 1000
/** The delivery of a push is polled; the outcome comes by long poll. */
const lookEveryMs = 250

/**
 * One browser session that signs in. Each of its challenges is bound to a hash of the session, and
 * so is the result.
 */
export class SignIn {
  readonly sessionId = randomBytes(24).toString('base64url')
  readonly #binding = createHash('sha256').update(this.sessionId).digest('base64url')
  readonly #party: RelyingParty
  readonly #browser: Browser
  readonly #waiting = new Set<() => void>()
  #running = new AbortController()
  #version = 0
  #user = ''
  #isServiceUp = true
  #step: Step = { name: 'form', notice: null }
  #signedIn: SignedInStep | null = null
  #happenings = new Happenings(Date.now())
  /** Ends at Countersign what the current step started. */
  #giveUp: () => Promise<unknown> = () => Promise.resolve()

  constructor(party: RelyingParty, browser: Browser) {
    this.#party = party
    this.#browser = browser
  }

  get view(): SignInView {
    return {
      version: this.#version,
      user: this.#user,
      isServiceUp: this.#isServiceUp,
      now: new Date().toISOString(),
      step: this.#step,
      happenings: this.#happenings.list(),
    }
  }

  /** Resolves at the first change after this version, or after `waitMs`. */
  async changedSince(version: number, waitMs: number): Promise<void> {
    if (version !== this.#version) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      const wake = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#waiting.add(wake)
    })
  }

  /**
   * The password was right (any is): sets up the phone of a new user, asks the phones of all
   * others.
   */
  async begin(user: string): Promise<void> {
    this.#user = user
    const knownUser = await this.#party.findUser(user)
    const devices = knownUser ? await this.#party.devices(knownUser.id) : []
    const active = devices.filter(({ status }) => status === 'active')
    if (knownUser && active.length > 0) await this.#ask(knownUser.id, active)
    else await this.#enroll(false)
  }

  /** Another phone for a user who is signed in. */
  async addPhone(): Promise<void> {
    if (this.#step.name === 'signed_in') await this.#enroll(true)
  }

  /** Where a signed-in user looks after devices and sign-ins; undefined for anybody else. */
  async portalAddress(): Promise<string | undefined> {
    const user = this.#step.name === 'signed_in' && (await this.#party.findUser(this.#user))
    return user ? this.#party.portalAddress(user.id) : undefined
  }

  /** A signed-in user reports a lost phone. Only phones that the page lists can be named. */
  async unregister(deviceId: string): Promise<void> {
    const account = this.#signedIn
    if (!account?.phones.some(({ id }) => id === deviceId)) return
    await this.#party.unregister(deviceId)
    await this.#showSignedIn(account.proof)
  }

  /** What a help desk does for a user who lost the only phone, after verifying the caller. */
  async unregisterAll(): Promise<void> {
    const knownUser = this.#step.name === 'approve' && (await this.#party.findUser(this.#user))
    if (!knownUser) return
    await this.#party.unregisterAll(knownUser.id)
    await this.#enroll(false)
  }

  async pushAgain(): Promise<void> {
    if (this.#step.name !== 'approve') return
    const { resendsLeft } = await this.#party.pushAgain(this.#step.id)
    this.#note(`again ${resendsLeft}`, 'Sign-in page', 'asked for another push')
    this.#show({ ...this.#step, pushesLeft: resendsLeft, pushAgainAt: pushAgainAt() })
  }

  /** Abandons the current step, at Countersign too. */
  async cancel(): Promise<void> {
    const { name } = this.#step
    await this.#giveUp().catch((error: unknown) => {
      // A challenge that has ended meanwhile needs no cancellation.
      if (!(error instanceof RefusedCall) || error.status !== 409) throw error
    })
    if (name !== 'enroll') return
    if (this.#signedIn) await this.#showSignedIn(this.#signedIn.proof)
    else this.leave()
  }

  /** The client of this sign-in is gone. */
  close(): void {
    this.#restart()
    this.#show(this.#step)
  }

  /** Back to the form, signed out. */
  leave(notice: string | null = null): void {
    this.#restart()
    this.#signedIn = null
    this.#happenings = new Happenings(Date.now())
    this.#show({ name: 'form', notice })
  }

  async #enroll(isFurther: boolean): Promise<void> {
    const enrollment = await this.#party.openEnrollment(this.#user)
    const signal = this.#restart()
    this.#giveUp = () => this.#party.cancelEnrollment(enrollment.id)
    this.#happenings = new Happenings(Date.now())
    const { uri, qrSvg, code, expiresAt } = enrollment
    const fresh = { status: 'open', number: null, wrongNumbersLeft: 3 } as const
    this.#show({ name: 'enroll', isFurther, uri, qrSvg, code, expiresAt, ...fresh })
    this.#inBackground(this.#followEnrollment(enrollment.id, signal))
  }

  async #followEnrollment(id: string, signal: AbortSignal): Promise<void> {
    let lastStatus: EnrollStep['status'] = 'open'
    while (!signal.aborted) {
      // A short wait: a wrong number changes no status, so that only the next poll sees it.
      const enrollment = await this.#insist(signal, () =>
        this.#party.followEnrollment(id, lastStatus, 1),
      )
      if (!enrollment || this.#step.name !== 'enroll') return
      const { status, number = null, wrongNumbersLeft } = enrollment
      lastStatus = status
      const next: EnrollStep = { ...this.#step, status, number, wrongNumbersLeft }
      if (JSON.stringify(next) !== JSON.stringify(this.#step)) this.#show(next)
      if (status === 'completed') {
        if (this.#signedIn) return this.#showSignedIn(this.#signedIn.proof)
        return this.begin(this.#user)
      }
      if (status !== 'open' && status !== 'claimed') return
    }
  }

  async #ask(userId: string, devices: readonly Device[]): Promise<void> {
    const { id: browserId, ip, location, name: userAgent } = this.#browser
    const context = { application: 'Staff portal', action: 'Sign in', ip, location, userAgent }
    const happenings = new Happenings(Date.now())
    happenings.note('asked', 'Sign-in page', 'asked Countersign')
    const creation = await this.#party.ask({
      user: this.#user,
      context,
      binding: this.#binding,
      initiator: { browserId },
    })
    happenings.note(
      'created',
      'Countersign',
      'created the challenge',
      Date.parse(creation.createdAt),
    )
    const signal = this.#restart()
    this.#giveUp = () => this.#party.cancelChallenge(creation.id)
    this.#happenings = happenings
    this.#show(approveStep(creation))
    this.#inBackground(this.#followWay(creation.id, userId, signal))
    this.#inBackground(this.#followOutcome(creation.id, userId, devices, signal))
  }

  async #followWay(id: string, userId: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const read = () => Promise.all([this.#party.readChallenge(id), this.#party.devices(userId)])
      const [challenge, devices = []] = (await this.#insist(signal, read)) ?? []
      if (challenge?.status !== 'pending' || this.#step.name !== 'approve') return
      const { wrongNumbersLeft } = challenge
      const wasWrong = wrongNumbersLeft < this.#step.wrongNumbersLeft
      if (wasWrong) this.#note(`wrong ${wrongNumbersLeft}`, 'Phone', 'typed a wrong number')
      this.#happenings.readProgress(challenge, devices)
      const next: ApproveStep = {
        ...this.#step,
        phones: progressOf(challenge, devices),
        wrongNumbersLeft,
        hadWrongNumber: this.#step.hadWrongNumber || wasWrong,
      }
      if (JSON.stringify(next) !== JSON.stringify(this.#step)) this.#show(next)
      await delay(lookEveryMs)
    }
  }

  async #followOutcome(
    id: string,
    userId: string,
    devices: readonly Device[],
    signal: AbortSignal,
  ): Promise<void> {
    const decision = await this.#insist(signal, () => this.#party.waitForDecision(id, signal))
    if (decision && !signal.aborted) await this.#conclude(decision, userId, devices)
  }

  async #conclude(
    challenge: DecidedChallenge,
    userId: string,
    devices: readonly Device[],
  ): Promise<void> {
    this.#happenings.readProgress(challenge, devices)
    const { who, what } = endingOf(challenge, devices)
    this.#note('ended', who, what, Date.parse(challenge.decidedAt ?? new Date().toISOString()))
    this.#note('returned', 'Sign-in page', 'long poll returned')
    this.#restart()
    try {
      const expectation = { challengeId: challenge.id, userId, binding: this.#binding }
      const result = await this.#party.verifyResult(challenge.result, expectation)
      this.#note('verified', 'Sign-in page', 'verified the signed result')
      if (result.decision !== 'approved') return this.#show(refusalOf(result))
      await this.#showSignedIn(proofOf(result, challenge, devices))
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      this.#show({ name: 'refused', why: 'result_not_believed', detail })
    }
  }

  async #showSignedIn(proof: SignedInStep['proof']): Promise<void> {
    const knownUser = await this.#party.findUser(this.#user)
    const devices = knownUser ? await this.#party.devices(knownUser.id) : []
    const phones = devices
      .filter(({ status }) => status === 'active')
      .map(({ id, name, model }) => ({ id, name, model, isDeciding: id === proof.claims.did }))
    this.#signedIn = { name: 'signed_in', proof, phones }
    this.#show(this.#signedIn)
  }

  /**
   * Repeats a call until it is answered; shows an outage on the page meanwhile. Undefined when the
   * step is over.
   */
  async #insist<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T | undefined> {
    while (!signal.aborted) {
      try {
        const answer = await call()
        this.#setServiceUp(true)
        return answer
      } catch (error) {
        if (signal.aborted) return undefined
        if (!(error instanceof RefusedCall) || !error.isTransient) throw error
        this.#setServiceUp(false)
        await delay(retryMs)
      }
    }
    return undefined
  }

  #setServiceUp(isUp: boolean): void {
    if (this.#isServiceUp === isUp) return
    this.#isServiceUp = isUp
    this.#show(this.#step)
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.leave(`Something went wrong: ${error instanceof Error ? error.message : error}`)
    })
  }

  #note(name: string, who: string, what: string, atMs?: number): void {
    this.#happenings.note(name, who, what, atMs)
  }

  /** Aborts the pending work of the step. */
  #restart(): AbortSignal {
    this.#running.abort()
    this.#running = new AbortController()
    this.#giveUp = () => Promise.resolve()
    return this.#running.signal
  }

  #show(step: Step): void {
    this.#step = step
    this.#version += 1
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}
