import type { Clock } from '../../../ports/world.ts'
import type { Admission } from '../../admission.ts'
import type { ProofGuard } from '../../plugins/device-proof.ts'
import type { UseCases } from '../../use-cases.ts'

/** Dependencies of the routes of the device API. */
export type DeviceOptions = {
  readonly useCases: UseCases
  readonly proof: ProofGuard
  readonly clock: Clock
  readonly admission: Pick<Admission, 'authenticate' | 'serveDevice'>
}
