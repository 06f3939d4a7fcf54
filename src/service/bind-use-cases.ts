// The use cases with everything that they depend on, as the routes get them.

import { buildOwnChallenges } from '../challenges/memory/own-challenges.ts'
import type { ApiKeyId, IntegrationId } from '../domain/ids.ts'
import {
  buildIntegrationAuthentication,
  type Dependencies as IntegrationDependencies,
} from '../doors/authenticate-integration.ts'
import { type Bound, bind, type DependenciesOf } from '../platform/bound.ts'
import { buildSharedReads } from '../platform/shared-reads.ts'
import type { Signals } from '../platform/signals.ts'
import { revocationPrefix } from '../tenants/api-keys.ts'
import {
  type Dependencies as ApiKeyDependencies,
  buildApiKeyAuthentication,
} from '../tenants/authenticate-api-key.ts'
import {
  buildSigningKeys,
  type Dependencies as SigningKeyDependencies,
} from '../tenants/signing-keys.ts'
import * as useCases from './use-cases.ts'

/** What the routes can do. */
export type UseCases = Bound<typeof useCases>

/** What of the dependencies is built here, once for all use cases. */
type BuiltHere =
  | 'signingKeys'
  | 'sharedReads'
  | 'ownChallenges'
  | 'apiKeyAuthentication'
  | 'integrationAuthentication'

/** The dependencies of all use cases. */
export type Parts = Omit<DependenciesOf<typeof useCases>, BuiltHere> &
  SigningKeyDependencies &
  ApiKeyDependencies &
  IntegrationDependencies & {
    readonly signals: Signals & { listen(listener: (key: string) => void): void }
  }

/** Binds each use case to its dependencies; the routes get the remaining parameters. */
export function bindUseCases(parts: Parts): UseCases {
  const apiKeyAuthentication = buildApiKeyAuthentication(parts)
  const integrationAuthentication = buildIntegrationAuthentication(parts)
  const ownChallenges = buildOwnChallenges(() => performance.now())
  parts.signals.listen((key) => {
    ownChallenges.forget(key)
    if (key.startsWith(revocationPrefix)) {
      apiKeyAuthentication.forget(key.slice(revocationPrefix.length) as ApiKeyId)
      integrationAuthentication.forget(key.slice(revocationPrefix.length) as IntegrationId)
    }
  })
  return bind(useCases, {
    ...parts,
    signingKeys: buildSigningKeys(parts, () => performance.now()),
    sharedReads: buildSharedReads(),
    ownChallenges,
    apiKeyAuthentication,
    integrationAuthentication,
  })
}
