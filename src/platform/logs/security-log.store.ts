import type { DeviceId, TenantId } from '../../domain/ids.ts'

/**
 * What an operator must learn although no caller did anything wrong that could be refused to that
 * caller alone. A closed set.
 */
export type SecurityEvent =
  /** A key in the database is not what was enrolled, or not for this device, user or role. */
  | {
      readonly event: 'device_key_tampered'
      readonly tenantId: TenantId
      readonly deviceId: DeviceId
    }
  /** A call was signed by a key that its device has replaced, and was refused. */
  | {
      readonly event: 'replaced_key_used'
      readonly tenantId: TenantId
      readonly deviceId: DeviceId
    }
  /**
   * The end of a tenant's audit chain, signed by its key: out of the database's reach once it is
   * written.
   */
  | {
      readonly event: 'audit_head'
      readonly tenantId: TenantId
      readonly seq: number
      readonly head: string
    }
  /** The state of the tenant's record when signed exemptions began; once for each tenant. */
  | {
      readonly event: 'audit_checkpoint'
      readonly tenantId: TenantId
      readonly seq: number
      readonly checkpoint: string
    }

/**
 * A log stream of its own (`stream: security`), written whatever the log level, so that it can be
 * stored off this machine.
 */
export interface SecurityLog {
  write(event: SecurityEvent): void
}
