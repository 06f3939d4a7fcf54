import type { Admission } from '../platform/http/admission.ts'
import type { Clock } from '../platform/world.ts'
import type { ProofGuard } from './device-proof.guard.ts'

/** Dependencies of routes of the device API, with the use cases that they call. */
export type DeviceOptions<UseCases> = {
  readonly useCases: UseCases
  readonly proof: ProofGuard
  readonly clock: Clock
  readonly admission: Pick<Admission, 'authenticate' | 'serveDevice'>
}
