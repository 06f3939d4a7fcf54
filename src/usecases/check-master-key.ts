import type { SigningKeyStore } from '../ports/directory-store.ts'
import type { Signatures, SigningKey } from '../ports/world.ts'

export type Needs = {
  readonly keys: Pick<SigningKeyStore, 'sampleActive'>
  readonly signatures: Pick<Signatures, 'sign'>
}

/**
 * A signing key that the master keys at hand do not open, or null. One key stands for all that were sealed under the same
 * master key, so this takes as long in an installation of many tenants as in one of few. What is signed goes nowhere.
 */
export async function findUnopenedKey({ keys, signatures }: Needs): Promise<SigningKey | null> {
  for (const key of await keys.sampleActive()) {
    try {
      await signatures.sign(key, '{}', '')
    } catch {
      return key
    }
  }
  return null
}
