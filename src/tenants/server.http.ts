import type { ServerLimits } from '../platform/http/server-limits.ts'
import type { KeyGuard } from './api-key.guard.ts'

/** Dependencies of routes of the server API, with the use cases that they call. */
export type ServerOptions<UseCases> = {
  readonly useCases: UseCases
  readonly key: KeyGuard
  readonly limits: ServerLimits
  /** True once the process stops: streams end instead of waiting on. */
  readonly stopping: () => boolean
}
