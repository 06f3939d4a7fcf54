import type { Revocation } from '../../domain/revocation.ts'

/**
 * Where revocations are kept outside the database, so that they survive its restoration to an
 * earlier state.
 */
export interface RevocationLog {
  /**
   * Resolves when the lines are on the disk. Never rejects: a revocation stays in force, and a
   * failure to write its line is logged prominently. A replaced key that this process has written
   * already is not written again: its device may repeat the call as often as it likes.
   */
  append(revocations: readonly Revocation[]): Promise<void>
}
