import { toNextTickMs } from '../challenges/read-challenge.ts'
import { type Enrollment, type EnrollmentView, viewOf } from '../domain/enrollment.ts'
import type {
  DeviceId,
  EnrollmentId,
  PortalSessionId,
  RelyingPartyId,
  TenantId,
} from '../domain/ids.ts'
import { type Asker as Caller, credentialOf } from '../domain/principal.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { AccessCheck } from '../platform/access-check.ts'
import type { SharedReads } from '../platform/shared-reads.ts'
import type { Signals } from '../platform/signals.ts'
import type { Sealing } from '../platform/world.ts'
import { revocationPrefix } from '../tenants/api-keys.ts'
import type { ApiKeyRefusal } from '../tenants/authenticate-api-key.ts'
import type { EnrollmentRecord, EnrollmentStore } from './enrollment.store.ts'

export type Dependencies = {
  readonly enrollments: Pick<EnrollmentStore, 'find'>
  readonly sealing: Pick<Sealing, 'open'>
  readonly signals: Signals
  readonly sharedReads: SharedReads
}

/** An enrollment as the relying party that opened it reads it. */
export type EnrollmentReading = {
  readonly enrollment: Enrollment
  readonly status: EnrollmentView
  /**
   * To be shown on the relying party's page while the enrollment is claimed, and typed on the new
   * device.
   */
  readonly number: string | null
}

/** Binding under which an enrollment's number is sealed. */
export function enrollmentNumberBinding({ tenantId, id }: Pick<Enrollment, 'tenantId' | 'id'>) {
  return `enrolment-number:${tenantId}:${id}`
}

function read(
  { sealing }: Dependencies,
  { enrollment, numberSealed, now }: EnrollmentRecord,
): EnrollmentReading {
  const status = viewOf(enrollment, now)
  const number =
    status === 'claimed' && numberSealed !== null
      ? sealing.open(numberSealed, enrollmentNumberBinding(enrollment))
      : null
  return { enrollment, status, number }
}

/**
 * How long to wait, and for what: a status other than `after`, or than that of the first reading if
 * it is absent.
 */
export type EnrollmentWait = { readonly waitMs: number; readonly after?: EnrollmentView }

/** Reads an enrollment of this relying party as it is now. */
export function readEnrollment(
  dependencies: Dependencies,
  { tenantId, rpId }: Pick<Caller, 'tenantId' | 'rpId'>,
  id: EnrollmentId,
): Promise<EnrollmentReading | Refusal<'not_found'>> {
  return followEnrollment<never>(dependencies, { tenantId, rpId }, id, { waitMs: 0 })
}

/**
 * Reads an enrollment, waiting for its status to change, so that a page can follow it from open to
 * claimed to completed. A page that passes the last status it read (`after`) misses no change
 * between two of its calls.
 */
export function waitForEnrollment(
  dependencies: Dependencies,
  caller: Caller,
  id: EnrollmentId,
  wait: EnrollmentWait,
  isAborted?: () => boolean,
  stillAllowed?: AccessCheck<ApiKeyRefusal>,
): Promise<EnrollmentReading | ApiKeyRefusal | Refusal<'not_found'>> {
  const { tenantId, rpId } = caller
  const waiter = {
    wakeOn: [`${revocationPrefix}${credentialOf(caller)}`],
    isAborted,
    stillAllowed,
  }
  return followEnrollment(dependencies, { tenantId, rpId }, id, wait, waiter)
}

/** The owner of an enrollment: a relying party, or the device or session that opened it. */
type Owner = { readonly tenantId: TenantId } & (
  | { readonly rpId: RelyingPartyId }
  | { readonly openedByDeviceId: DeviceId }
  | { readonly openedBySessionId: PortalSessionId }
)

function owns(owner: Owner, enrollment: Enrollment): boolean {
  if ('rpId' in owner) return enrollment.rpId === owner.rpId
  return 'openedByDeviceId' in owner
    ? enrollment.openedByDeviceId === owner.openedByDeviceId
    : enrollment.openedBySessionId === owner.openedBySessionId
}

/**
 * The waiting client: signals that wake it besides the enrollment's, whether it has disconnected,
 * and the reason if it may no longer ask.
 */
type Waiter<Denial extends Refusal> = {
  readonly wakeOn?: readonly string[]
  readonly isAborted?: (() => boolean) | undefined
  readonly stillAllowed?: ((now: EnrollmentView) => Promise<Denial | undefined>) | undefined
}

/**
 * Reads and waits as `waitForEnrollment` does, for the owner of the enrollment; for all others it
 * does not exist.
 */
export async function followEnrollment<Denial extends Refusal = never>(
  dependencies: Dependencies,
  owner: Owner,
  id: EnrollmentId,
  { waitMs, after }: EnrollmentWait,
  { wakeOn = [], isAborted, stillAllowed }: Waiter<Denial> = {},
): Promise<EnrollmentReading | Denial | Refusal<'not_found'>> {
  const watch = dependencies.signals.watch(id, ...wakeOn)
  const until = performance.now() + waitMs
  let lastStatus = after
  try {
    for (let round = 0; ; round++) {
      const { tenantId } = owner
      const record = await dependencies.sharedReads(`enrollment ${tenantId} ${id}`, () =>
        dependencies.enrollments.find(tenantId, id),
      )
      if (!record || !owns(owner, record.enrollment)) return refuse('not_found')
      const reading = read(dependencies, record)
      const refusal = round > 0 ? await stillAllowed?.(reading.status) : undefined
      if (refusal) return refusal
      lastStatus ??= reading.status
      const leftMs = until - performance.now()
      const isOpen = reading.status === 'open' || reading.status === 'claimed'
      const isOver = leftMs <= 0 || dependencies.signals.isStopped || isAborted?.()
      if (!isOpen || reading.status !== lastStatus || isOver) return reading
      const toExpiryMs = record.enrollment.expiresAt.getTime() - record.now.getTime() + 1
      await watch.next(Math.min(leftMs, toExpiryMs, toNextTickMs(id)))
    }
  } finally {
    watch.close()
  }
}
