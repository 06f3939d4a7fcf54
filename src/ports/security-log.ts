import type { DeviceId, TenantId } from '../domain/ids.ts'

/** What an operator must hear of although no caller did anything wrong that could be refused to them alone. A closed set. */
export type SecurityEvent =
  /** A key in the database is not what was enrolled, or not for this device, user or role. */
  | {
      readonly event: 'device_key_tampered'
      readonly tenantId: TenantId
      readonly deviceId: DeviceId
    }
  /** The end of a tenant's audit chain as its key signed it: beyond the database's reach once it is written. */
  | {
      readonly event: 'audit_head'
      readonly tenantId: TenantId
      readonly seq: number
      readonly head: string
    }
  /** Where the tenant's record stood when what excuses gaps in it began to be signed; once for each tenant. */
  | {
      readonly event: 'audit_checkpoint'
      readonly tenantId: TenantId
      readonly seq: number
      readonly checkpoint: string
    }

/** A log stream of its own (`stream: security`), written whatever the log level, so that it can be kept away from this machine. */
export interface SecurityLog {
  write(event: SecurityEvent): void
}
