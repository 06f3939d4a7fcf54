import {
  type Assertion,
  type AssertionFault,
  type AuthenticatorSite,
  checkAssertion,
} from '../../domain/assertion.ts'
import type { DeviceKey } from '../../domain/device.ts'
import type { Signatures } from '../../platform/world.ts'
import type { KnownDevice } from '../device.store.ts'
import { type Dependencies as KeyDependencies, ownPasskey } from '../device-keys.ts'

export type PasskeyDependencies = {
  readonly signatures: Pick<Signatures, 'readAssertion' | 'verifyAssertion'>
  readonly authenticator: AuthenticatorSite
}
export type Dependencies = KeyDependencies & PasskeyDependencies

/**
 * Verifies an assertion by this passkey over a signed text, given by its hash: first what it says,
 * then its signature. The fault, or undefined when it holds.
 */
export function faultOfAssertion(
  { signatures, authenticator }: PasskeyDependencies,
  { passkey, publicJwk }: DeviceKey,
  assertion: Assertion,
  challenge: string,
): AssertionFault | undefined {
  if (!passkey) return 'credential'
  const read = signatures.readAssertion(assertion)
  if (!read) return 'malformed'
  const fault = checkAssertion(read, { ...authenticator, passkey, challenge })
  if (fault) return fault
  return signatures.verifyAssertion(read, publicJwk) ? undefined : 'signature'
}

/** The same by the passkey of a device; one that has none is a fault. */
export function faultOfOwnAssertion(
  dependencies: Dependencies,
  knownDevice: KnownDevice,
  assertion: Assertion,
  challenge: string,
): AssertionFault | undefined {
  const key = ownPasskey(dependencies, knownDevice)
  return key ? faultOfAssertion(dependencies, key, assertion, challenge) : 'credential'
}
