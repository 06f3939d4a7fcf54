import { type Enrollment, type EnrollmentView, viewOf } from '../domain/enrollment.ts'
import type { DeviceId, EnrollmentId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import { type Asker as Caller, credentialOf } from '../domain/principal.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { EnrollmentRecord, EnrollmentStore } from '../ports/enrollment-store.ts'
import type { Signals } from '../ports/signals.ts'
import type { Sealing } from '../ports/world.ts'
import { revocationPrefix } from './api-keys.ts'
import { type StillAllowed, toNextTickMs } from './read-challenge.ts'
import type { SharedReads } from './shared-reads.ts'

export type Needs = {
  readonly enrollments: Pick<EnrollmentStore, 'find'>
  readonly sealing: Pick<Sealing, 'open'>
  readonly signals: Signals
  readonly sharedReads: SharedReads
}

/** An enrollment as the relying party that opened it reads it. */
export type EnrollmentReading = {
  readonly enrollment: Enrollment
  readonly status: EnrollmentView
  /** To be shown on the relying party's page while the enrollment is claimed, and typed on the new device. */
  readonly number: string | null
}

/** Binding under which an enrollment's number is sealed. */
export function enrollmentNumberBinding({ tenantId, id }: Pick<Enrollment, 'tenantId' | 'id'>) {
  return `enrolment-number:${tenantId}:${id}`
}

function read(
  { sealing }: Needs,
  { enrollment, numberSealed, now }: EnrollmentRecord,
): EnrollmentReading {
  const status = viewOf(enrollment, now)
  const number =
    status === 'claimed' && numberSealed !== null
      ? sealing.open(numberSealed, enrollmentNumberBinding(enrollment))
      : null
  return { enrollment, status, number }
}

/** How long to wait, and for what: a status other than `after`, or than that of the first reading where it is absent. */
export type EnrollmentWait = { readonly waitMs: number; readonly after?: EnrollmentView }

/**
 * Reads an enrollment, waiting for its status to change, so that a page can follow it from open to claimed to completed. A page
 * that says what it has seen (`after`) misses no change that came between two of its calls.
 */
export function readEnrollment(
  needs: Needs,
  caller: Caller,
  id: EnrollmentId,
  wait: EnrollmentWait,
  aborted?: () => boolean,
  stillAllowed?: StillAllowed,
): Promise<EnrollmentReading | Refusal> {
  const { tenantId, rpId } = caller
  const asker = { wakeOn: [`${revocationPrefix}${credentialOf(caller)}`], aborted, stillAllowed }
  return followEnrollment(needs, { tenantId, rpId }, id, wait, asker)
}

/** Whose enrollment it is: a relying party's, or that of the device that opened it. */
type Owner = { readonly tenantId: TenantId } & (
  | { readonly rpId: RelyingPartyId }
  | { readonly openedByDeviceId: DeviceId }
)

function owns(owner: Owner, enrollment: Enrollment): boolean {
  return 'rpId' in owner
    ? enrollment.rpId === owner.rpId
    : enrollment.openedByDeviceId === owner.openedByDeviceId
}

/** Who waits: what besides the enrollment wakes them, whether they have gone, and why they may not ask any more. */
type Asker = {
  readonly wakeOn?: readonly string[]
  readonly aborted?: (() => boolean) | undefined
  readonly stillAllowed?: ((now: EnrollmentView) => ReturnType<StillAllowed>) | undefined
}

/** Reads and waits as `readEnrollment` does, for whoever owns the enrollment; for everybody else it does not exist. */
export async function followEnrollment(
  needs: Needs,
  owner: Owner,
  id: EnrollmentId,
  { waitMs, after }: EnrollmentWait,
  { wakeOn = [], aborted, stillAllowed }: Asker = {},
): Promise<EnrollmentReading | Refusal> {
  const watch = needs.signals.watch(id, ...wakeOn)
  const until = performance.now() + waitMs
  let seen = after
  try {
    for (let turn = 0; ; turn++) {
      const { tenantId } = owner
      const record = await needs.sharedReads(`enrollment ${tenantId} ${id}`, () =>
        needs.enrollments.find(tenantId, id),
      )
      if (!record || !owns(owner, record.enrollment)) return refuse('not_found')
      const reading = read(needs, record)
      const refusal = turn > 0 ? await stillAllowed?.(reading.status) : undefined
      if (refusal) return refusal
      seen ??= reading.status
      const leftMs = until - performance.now()
      const moving = reading.status === 'open' || reading.status === 'claimed'
      const over = leftMs <= 0 || needs.signals.stopped || aborted?.()
      if (!moving || reading.status !== seen || over) return reading
      const toExpiryMs = record.enrollment.expiresAt.getTime() - record.now.getTime() + 1
      await watch.next(Math.min(leftMs, toExpiryMs, toNextTickMs(id)))
    }
  } finally {
    watch.close()
  }
}
