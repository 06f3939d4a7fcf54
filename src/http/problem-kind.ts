/** What never changes about the problems of one code. */
export type ProblemKind = {
  readonly status: number
  readonly title: string
  readonly detail: string
}

/** What only the doors of integrations say. */
export type DoorCode = 'sign_in_refused' | 'sign_in_expired'
