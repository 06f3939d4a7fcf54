import { expect, test } from 'vitest'
import type { WebhookEndpointId } from '../../src/domain/ids.ts'
import { buildSlotTaker, webhooksInFlight } from '../../src/webhooks/webhook-slots.ts'

const { max, perTenant, perEndpoint, perFailing } = webhooksInFlight
const never = () => false
const endpoint = (n: number, failingSince: Date | null = null) => ({
  id: `whe_${n}` as WebhookEndpointId,
  failingSince,
})
const load = (n: number, inFlight: number) => ({ endpointId: endpoint(n).id, inFlight })
/** How many slots an endpoint gets of a taker. */
function slotsOf(take: ReturnType<typeof buildSlotTaker>, one: ReturnType<typeof endpoint>) {
  let slots = 0
  while (take(one)) slots++
  return slots
}

test('an endpoint gets the slots that a claim would give it, less those in use', () => {
  const take = buildSlotTaker([load(2, 30), load(3, perEndpoint + 1)], never)
  const slots = [1, 2, 3].map((n) => slotsOf(take, endpoint(n)))
  expect(slots).toEqual([perEndpoint, perEndpoint - 30, 0])
})

test('an endpoint that fails or is slow gets few slots', () => {
  const take = buildSlotTaker([load(3, 1)], (id) => id === endpoint(2).id)
  expect(slotsOf(take, endpoint(1, new Date(0)))).toBe(perFailing)
  expect(slotsOf(take, endpoint(2))).toBe(perFailing)
  expect(slotsOf(take, endpoint(3, new Date(0)))).toBe(perFailing - 1)
})

test('all endpoints together get what one tenant may have, so that as many slots are left', () => {
  const take = buildSlotTaker([load(0, 20)], never)
  let total = 20
  for (let n = 1; n <= 10; n++) total += slotsOf(take, endpoint(n))
  expect(total).toBe(perTenant)
  expect(max - total).toBeGreaterThanOrEqual(total)
})
