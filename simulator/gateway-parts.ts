import type { TlsCredentials } from './certificates.ts'
import type { Faults } from './faults.ts'
import type { Phones } from './phones.ts'
import type { PushLog } from './push-log.ts'

/** What both gateways share. */
export type GatewayParts = {
  readonly tls: TlsCredentials
  readonly phones: Phones
  readonly faults: Faults
  readonly log: PushLog
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}
