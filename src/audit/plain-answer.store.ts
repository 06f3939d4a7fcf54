import type { ChallengeId, DeviceId, TenantId } from '../domain/ids.ts'

export type AnswerKey = {
  readonly tenantId: TenantId
  readonly challengeId: ChallengeId
  readonly deviceId: DeviceId
  readonly jti: string
}

/** The signed texts of answers that were stored in plain text. */
export interface PlainAnswerStore {
  /** Some that are in plain text, of all tenants. */
  findPlain(limit: number): Promise<readonly (AnswerKey & { readonly jws: string })[]>
  /**
   * Replaces the plain text with the sealed one, except where another process has sealed it
   * meanwhile.
   */
  saveSealed(answers: readonly (AnswerKey & { readonly sealedJws: Uint8Array })[]): Promise<void>
}
