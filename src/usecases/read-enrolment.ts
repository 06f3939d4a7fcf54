import { type Enrolment, type EnrolmentView, viewOf } from '../domain/enrolment.ts'
import type { DeviceId, EnrolmentId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import { type Asker as Caller, credentialOf } from '../domain/principal.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { EnrolmentRecord, EnrolmentStore } from '../ports/enrolment-store.ts'
import type { Signals } from '../ports/signals.ts'
import type { Sealing } from '../ports/world.ts'
import { revocationPrefix } from './api-keys.ts'
import { type StillAllowed, toNextTickMs } from './read-challenge.ts'
import type { SharedReads } from './shared-reads.ts'

export type Needs = {
  readonly enrolments: Pick<EnrolmentStore, 'find'>
  readonly sealing: Pick<Sealing, 'open'>
  readonly signals: Signals
  readonly sharedReads: SharedReads
}

/** An enrolment as the relying party that opened it reads it. */
export type EnrolmentReading = {
  readonly enrolment: Enrolment
  readonly status: EnrolmentView
  /** To be shown on the relying party's page while the enrolment is claimed, and typed on the new device. */
  readonly number: string | null
}

/** Binding under which an enrolment's number is sealed. */
export function enrolmentNumberBinding({ tenantId, id }: Pick<Enrolment, 'tenantId' | 'id'>) {
  return `enrolment-number:${tenantId}:${id}`
}

function read(
  { sealing }: Needs,
  { enrolment, numberSealed, now }: EnrolmentRecord,
): EnrolmentReading {
  const status = viewOf(enrolment, now)
  const number =
    status === 'claimed' && numberSealed !== null
      ? sealing.open(numberSealed, enrolmentNumberBinding(enrolment))
      : null
  return { enrolment, status, number }
}

/** How long to wait, and for what: a status other than `after`, or than that of the first reading where it is absent. */
export type EnrolmentWait = { readonly waitMs: number; readonly after?: EnrolmentView }

/**
 * Reads an enrolment, waiting for its status to change, so that a page can follow it from open to claimed to completed. A page
 * that says what it has seen (`after`) misses no change that came between two of its calls.
 */
export function readEnrolment(
  needs: Needs,
  caller: Caller,
  id: EnrolmentId,
  wait: EnrolmentWait,
  aborted?: () => boolean,
  stillAllowed?: StillAllowed,
): Promise<EnrolmentReading | Refusal> {
  const { tenantId, rpId } = caller
  const asker = { wakeOn: [`${revocationPrefix}${credentialOf(caller)}`], aborted, stillAllowed }
  return followEnrolment(needs, { tenantId, rpId }, id, wait, asker)
}

/** Whose enrolment it is: a relying party's, or that of the device that opened it. */
type Owner = { readonly tenantId: TenantId } & (
  | { readonly rpId: RelyingPartyId }
  | { readonly openedByDeviceId: DeviceId }
)

function owns(owner: Owner, enrolment: Enrolment): boolean {
  return 'rpId' in owner
    ? enrolment.rpId === owner.rpId
    : enrolment.openedByDeviceId === owner.openedByDeviceId
}

/** Who waits: what besides the enrolment wakes them, whether they have gone, and why they may not ask any more. */
type Asker = {
  readonly wakeOn?: readonly string[]
  readonly aborted?: (() => boolean) | undefined
  readonly stillAllowed?: ((now: EnrolmentView) => ReturnType<StillAllowed>) | undefined
}

/** Reads and waits as `readEnrolment` does, for whoever owns the enrolment; for everybody else it does not exist. */
export async function followEnrolment(
  needs: Needs,
  owner: Owner,
  id: EnrolmentId,
  { waitMs, after }: EnrolmentWait,
  { wakeOn = [], aborted, stillAllowed }: Asker = {},
): Promise<EnrolmentReading | Refusal> {
  const watch = needs.signals.watch(id, ...wakeOn)
  const until = performance.now() + waitMs
  let seen = after
  try {
    for (let turn = 0; ; turn++) {
      const { tenantId } = owner
      const record = await needs.sharedReads(`enrolment ${tenantId} ${id}`, () =>
        needs.enrolments.find(tenantId, id),
      )
      if (!record || !owns(owner, record.enrolment)) return refuse('not_found')
      const reading = read(needs, record)
      const refusal = turn > 0 ? await stillAllowed?.(reading.status) : undefined
      if (refusal) return refusal
      seen ??= reading.status
      const leftMs = until - performance.now()
      const moving = reading.status === 'open' || reading.status === 'claimed'
      const over = leftMs <= 0 || needs.signals.stopped || aborted?.()
      if (!moving || reading.status !== seen || over) return reading
      const toExpiryMs = record.enrolment.expiresAt.getTime() - record.now.getTime() + 1
      await watch.next(Math.min(leftMs, toExpiryMs, toNextTickMs(id)))
    }
  } finally {
    watch.close()
  }
}
