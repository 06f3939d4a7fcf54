import { expect, it } from 'vitest'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import { anApp, anId, at, bearer, principal } from '../platform/http/fixtures.ts'

const event = {
  id: anId('auditEvent'),
  type: 'api_key_created',
  actor: 'operator',
  subject: anId('apiKey'),
  details: { name: 'production' },
  occurredAt: at,
} as const

async function get(query: string, useCases: Partial<UseCases> = {}) {
  await using app = await anApp(useCases)
  return app.inject({ url: `/v1/audit-events${query}`, headers: bearer })
}

it('200 with a page of the tenant’s own, filtered', async () => {
  const calls: unknown[] = []
  const listAuditEvents: UseCases['listAuditEvents'] = async (...args) => {
    calls.push(args)
    return [event, { ...event, id: anId('auditEvent', '1') }]
  }
  const answer = await get('?limit=1&type=api_key_created&actor=operator', { listAuditEvents })
  expect(answer.json()).toEqual({
    items: [{ ...event, occurredAt: at.toISOString() }],
    nextCursor: event.id,
  })
  await get(`?cursor=${event.id}&subject=${event.subject}`, { listAuditEvents })
  const { tenantId } = principal
  expect(calls).toEqual([
    [
      tenantId,
      { type: 'api_key_created', actor: 'operator', subject: undefined },
      { limit: 2, before: null },
    ],
    [
      tenantId,
      { type: undefined, actor: undefined, subject: event.subject },
      { limit: 51, before: event.id },
    ],
  ])
})

it.each(['?type=', '?actor=a%20b', '?subject=%00', '?cursor=act_1', '?user=x'])(
  '400 for %s',
  async (query) => {
    expect((await get(query)).statusCode).toBe(400)
  },
)
