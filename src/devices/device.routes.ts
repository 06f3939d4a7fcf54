import type { Admission } from '../platform/http/admission.ts'
import type { Clock } from '../platform/world.ts'
import type { UseCases } from '../service/use-cases.ts'
import type { ProofGuard } from './device-proof.guard.ts'

/** Dependencies of the routes of the device API. */
export type DeviceOptions = {
  readonly useCases: UseCases
  readonly proof: ProofGuard
  readonly clock: Clock
  readonly admission: Pick<Admission, 'authenticate' | 'serveDevice'>
}
