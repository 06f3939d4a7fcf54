import type { Signatures, SigningKey } from '../platform/world.ts'
import type { SigningKeyStore } from './directory.store.ts'

export type Dependencies = {
  readonly keys: Pick<SigningKeyStore, 'sampleActive'>
  readonly signatures: Pick<Signatures, 'sign'>
}

/**
 * A signing key that the configured master keys do not open, or null. One key represents all that
 * are sealed under the same master key, so this takes as long in an installation of many tenants as
 * in one of few. The signature is discarded.
 */
export async function findUnopenedKey({
  keys,
  signatures,
}: Dependencies): Promise<SigningKey | null> {
  for (const key of await keys.sampleActive()) {
    try {
      await signatures.sign(key, '{}', '')
    } catch {
      return key
    }
  }
  return null
}
