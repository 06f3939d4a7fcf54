/** What never changes about the problems of one code. */
export type ProblemKind = {
  readonly status: number
  readonly title: string
  readonly detail: string
}
