// The use cases with everything that they depend on, as the routes get them.

import type { ApiKeyId, IntegrationId } from './domain/ids.ts'
import type { Signals } from './ports/signals.ts'
import { revocationPrefix } from './usecases/api-keys.ts'
import {
  type Dependencies as ApiKeyDependencies,
  buildApiKeyAuthentication,
} from './usecases/authenticate-api-key.ts'
import { type Bound, bind, type DependenciesOf } from './usecases/bound.ts'
import {
  buildIntegrationAuthentication,
  type Dependencies as IntegrationDependencies,
} from './usecases/doors/authenticate-integration.ts'
import * as useCases from './usecases/nouns/all.ts'
import { buildSharedReads } from './usecases/shared-reads.ts'
import {
  buildSigningKeys,
  type Dependencies as SigningKeyDependencies,
} from './usecases/signing-keys.ts'

/** What of the dependencies is built here, once for all use cases. */
type BuiltHere =
  | 'signingKeys'
  | 'sharedReads'
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
export function bindUseCases(parts: Parts): Bound<typeof useCases> {
  const apiKeyAuthentication = buildApiKeyAuthentication(parts)
  const integrationAuthentication = buildIntegrationAuthentication(parts)
  parts.signals.listen((key) => {
    if (key.startsWith(revocationPrefix)) {
      apiKeyAuthentication.forget(key.slice(revocationPrefix.length) as ApiKeyId)
      integrationAuthentication.forget(key.slice(revocationPrefix.length) as IntegrationId)
    }
  })
  return bind(useCases, {
    ...parts,
    signingKeys: buildSigningKeys(parts, () => performance.now()),
    sharedReads: buildSharedReads(),
    apiKeyAuthentication,
    integrationAuthentication,
  })
}
