import type { Logger } from 'pino'
import type { LinkedApp } from '../domain/app-links.ts'
import type { Admission } from '../platform/http/admission.ts'
import type { Observation } from '../platform/http/logging.ts'
import type { Metrics } from '../platform/http/metrics.routes.ts'
import type { ServerLimits } from '../platform/http/server-limits.ts'
import type { Clock } from '../platform/world.ts'
import type { UseCases } from './bind-use-cases.ts'

export type AppOptions = {
  readonly useCases: UseCases
  /** Decides which callers are served first. */
  readonly admission: Admission
  /** Built with `loggerOptions`; false turns logging off. */
  readonly logger: Logger | false
  /**
   * Origin under which clients reach the service, without a trailing slash: device proofs name it.
   */
  readonly publicOrigin: string
  /**
   * True when the error says that the database cannot be reached at the moment: answered 503
   * instead of 500.
   */
  readonly isUnavailable: (error: unknown) => boolean
  readonly ready: () => Promise<boolean>
  /**
   * True once the service is about to stop: it answers as before, but is not ready and keeps no
   * connection alive.
   */
  readonly leaving?: () => boolean
  /**
   * Called once when the server begins to close: must end every wait of the use cases immediately.
   */
  readonly stopWaiting: () => void
  /** Proxies whose `X-Forwarded-*` headers are trusted; none by default. */
  readonly trustProxy?: boolean | string | string[]
  readonly metrics?: Metrics
  readonly onRequestObserved?: (observation: Observation) => void
  readonly clock: Clock
  /** False to serve neither `/docs` nor `/openapi.yaml`. */
  readonly apiDocs?: boolean
  /** Folder of the built authenticator; none is served by default. */
  readonly authenticatorFolder?: string
  /** Its own origin, where nothing else is served; the public one by default. */
  readonly authenticatorOrigin?: string | null
  /** The domain that its passkeys belong to; the host of its page by default. */
  readonly webauthnRpId?: string | null
  /** Apps that may open links of this origin; none by default. */
  readonly linkedApps?: readonly LinkedApp[]
  readonly limits?: Partial<ServerLimits>
}
