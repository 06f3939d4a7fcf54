/** What never changes about the problems of one code. */
export type ProblemKind = {
  readonly status: number
  readonly title: string
  readonly detail: string
}

/** Codes that only the doors of integrations send. */
export type DoorCode = 'sign_in_refused' | 'sign_in_expired'
