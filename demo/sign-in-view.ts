// What the company's server sends to its sign-in page. Types only: the page imports them from here.

import type { EnrollmentDetails } from '../clients/device/src/views.ts'
import type { Result } from '../clients/typescript/src/client.ts'

/** How far a challenge got with one phone. */
export type PhoneProgress = {
  readonly name: string
  readonly gateway: string
  readonly stage:
    | 'waiting'
    | 'sent'
    | 'failed'
    | 'suppressed'
    | 'no_push'
    | 'received'
    | 'opened'
    | 'unregistered'
  readonly reason: string | null
}

export type FormStep = {
  readonly name: 'form'
  /** Why the user is back here; null at the beginning. */
  readonly notice: string | null
}

export type EnrollStep = {
  readonly name: 'enroll'
  /** True when the user is signed in and adds another phone. */
  readonly isFurther: boolean
  readonly status: EnrollmentDetails['status']
  readonly uri: string
  readonly qrSvg: string
  readonly code: string
  /** While claimed: to be typed in the new authenticator. */
  readonly number: string | null
  readonly wrongNumbersLeft: number
  readonly expiresAt: string
}

export type ApproveStep = {
  readonly name: 'approve'
  readonly id: string
  readonly number: string
  readonly createdAt: string
  readonly expiresAt: string
  /** True when no phone can be pushed: the user has to open the app. */
  readonly isPullOnly: boolean
  /** Why not: Countersign's code for it. */
  readonly suppression: string | null
  readonly phones: readonly PhoneProgress[]
  readonly wrongNumbersLeft: number
  readonly hadWrongNumber: boolean
  readonly pushesLeft: number
  /** When the next push may be requested. */
  readonly pushAgainAt: string
}

/** How the company knows who signed in, from the verified result token. */
export type Proof = {
  readonly device: string
  readonly isNewDevice: boolean
  readonly isUserVerified: boolean
  readonly decidedAfterMs: number
  readonly claims: Readonly<Record<string, unknown>>
}

export type SignedInStep = {
  readonly name: 'signed_in'
  readonly proof: Proof
  readonly phones: readonly {
    readonly id: string
    readonly name: string
    readonly model: string
    readonly isDeciding: boolean
  }[]
}

export type RefusedStep = {
  readonly name: 'refused'
  readonly why:
    | NonNullable<Result['reason']>
    | Exclude<Result['decision'], 'approved' | 'denied'>
    | 'result_not_believed'
  readonly detail: string | null
}

export type Step = FormStep | EnrollStep | ApproveStep | SignedInStep | RefusedStep

/** One event, in milliseconds after the creation of the challenge. */
export type Happening = { readonly who: string; readonly what: string; readonly atMs: number }

/** The state that the page shows. */
export type SignInView = {
  /** Grows with each change. */
  readonly version: number
  readonly user: string
  readonly isServiceUp: boolean
  /** The server's time, for pages with a wrong clock. */
  readonly now: string
  readonly step: Step
  readonly happenings: readonly Happening[]
}
