import { describe, expect } from 'vitest'
import { chainAudit } from '../../src/audit/chain-audit.ts'
import { auditCheckpointTyp } from '../../src/domain/audit-exemption.ts'
import { aPrincipal, type World } from '../support/world.ts'
import { type AuditedTenant, payloadOf, type Row, test } from './audited-tenant.ts'

describe('the checkpoint', () => {
  test('that was deleted is missed, and never created again', async ({ chain, world }) => {
    await chain.sweep()
    const [{ id } = {}] = await chain.checkpoints()
    await chain.sql('delete from audit_events where id = $1', id)
    await chain.sql(
      'update audit_chains set checkpoint_seq = null where tenant_id = $1',
      chain.principal.tenantId,
    )
    await expect(chainAudit(world, 100)).rejects.toThrow('it was deleted')
    expect(await chain.checkpoints()).toEqual([])
    expect(await chain.verify()).toMatchObject({
      firstBad: { seq: 0, fault: 'checkpoint_missing' },
    })
    // Others go on.
    await chain.sql(
      'update audit_chains set checkpoint_seq = 0 where tenant_id = $1',
      chain.principal.tenantId,
    )
  })

  test('created anew, with the chain cut and every head deleted, is a second one to the log', async ({
    chain,
  }) => {
    await chain.sweep()
    const [first] = chain.loggedCheckpoints()
    if (!first) throw new Error('it is logged')
    await chain.cutTo(first.seq)
    const { tenantId } = chain.principal
    await chain.sql('delete from audit_heads where tenant_id = $1', tenantId)
    await chain.sql(
      'update audit_chains set checkpoint_seq = null, head_seq = 0 where tenant_id = $1',
      tenantId,
    )
    await chain.unsignedPurge()
    await chain.sql('delete from activities where user_id = $1', chain.phone.userId)
    await chain.sweep()
    expect(await chain.checkpoints()).toHaveLength(1)
    expect(await chain.faultOf([first.checkpoint])).toBe('checkpoint_second')
  })

  test('that somebody wrote into the log is no evidence, and is listed next to the verdict', async ({
    chain,
    world,
  }) => {
    await chain.sweep()
    const [{ jws } = {}] = await chain.checkpoints()
    const thief = (await aPrincipal(world)).tenantId
    const claims = JSON.stringify({ ...payloadOf(jws), seq: 1 })
    const forgedCheckpoint = await world.signingKeys.sign(thief, auditCheckpointTyp, claims)
    expect(await chain.verify([`${jws}`, forgedCheckpoint])).toMatchObject({
      firstBad: null,
      foreignHeads: { count: 1, first: [{ line: 2, seq: 1 }] },
    })
  })

  test('twice is a second one, linked or not', async ({ chain }) => {
    await chain.sweep()
    const [{ jws } = {}] = await chain.checkpoints()
    await chain.event('audit_checkpointed', chain.principal.tenantId, { checkpoint: jws })
    expect(await chain.faultOf()).toBe('checkpoint_second')
    await chain.sweep()
    expect(await chain.faultOf()).toBe('checkpoint_second')
  })

  type Forgery = (chain: AuditedTenant, world: World) => Promise<unknown>
  test.for<readonly [string, Forgery]>([
    ['nothing', async () => null],
    [
      'another tenant’s',
      async (_, world) => {
        const { tenantId } = await aPrincipal(world)
        while (await chainAudit(world, 100));
        const [jws] = await world.audit.readCheckpoints(tenantId)
        return jws
      },
    ],
    [
      'signed by another tenant',
      async (chain, world) => {
        const [{ jws } = {}] = await chain.checkpoints()
        const thief = (await aPrincipal(world)).tenantId
        return world.signingKeys.sign(thief, auditCheckpointTyp, JSON.stringify(payloadOf(jws)))
      },
    ],
    [
      'a head',
      async (chain, world) => {
        const [head] = await world.audit.readHeads(chain.principal.tenantId)
        return head?.jws
      },
    ],
  ])('that says %s is not ours', async ([_, forge], { chain, world }) => {
    await chain.sweep()
    const [{ id } = {}] = await chain.checkpoints()
    await chain.sql('update audit_events set details = $2 where id = $1', id, {
      checkpoint: await forge(chain, world),
    })
    expect(await chain.verify()).toMatchObject({
      firstBad: { seq: 0, fault: 'checkpoint_not_ours' },
    })
  })

  test('from before the first start, made by hand, is not ours', async ({ chain }) => {
    await chain.sweepAsBefore()
    await chain.event('audit_checkpointed', chain.principal.tenantId, { checkpoint: 'x' })
    await chain.sweep()
    expect(await chain.faultOf()).toBe('checkpoint_not_ours')
  })

  test.for<readonly [string, (claims: Row) => object]>([
    ['back along the chain', (claims) => ({ seq: Number(claims.seq) - 1 })],
    ['to its beginning', () => ({ seq: 0 })],
    ['to another hash', () => ({ hash: 'x' })],
    ['to other purges', () => ({ purged: 1 })],
    ['to other erasures', () => ({ erased: 1 })],
  ])(
    'that was moved %s is no longer valid, even signed',
    async ([_, changes], { chain, world }) => {
      await chain.sweep()
      const [{ id, jws } = {}] = await chain.checkpoints()
      const { tenantId } = chain.principal
      const claims = payloadOf(jws)
      const payload = JSON.stringify({ ...claims, ...changes(claims) })
      const movedCheckpoint = await world.signingKeys.sign(tenantId, auditCheckpointTyp, payload)
      await chain.sql('update audit_events set details = $2 where id = $1', id, {
        checkpoint: movedCheckpoint,
      })
      expect(await chain.faultOf([`${jws}`])).toBe('checkpoint_second')
      expect(await chain.faultOf()).toBe('checkpoint_differs')
    },
  )

  test('is named in every head since', async ({ chain }) => {
    await chain.sweep()
    const { tenantId } = chain.principal
    await chain.sql('update audit_chains set checkpoint_seq = 3 where tenant_id = $1', tenantId)
    await chain.event('app_added', 'app_1')
    await chain.sweep()
    expect(await chain.faultOf()).toBe('checkpoint_differs')
  })
})
