import type { Revocation } from '../domain/revocation.ts'

/** Where revocations are kept beside the database, so that they outlive its restoration to an earlier state. */
export interface RevocationLog {
  /**
   * Resolves when the lines are on the disk. Never rejects: what is revoked stays revoked, and a line that could not be written is
   * reported loudly.
   */
  append(revocations: readonly Revocation[]): Promise<void>
}
