import { describe, expect } from 'vitest'
import { auditExemptionTyp } from '../../src/domain/audit-exemption.ts'
import { eraseUser } from '../../src/personal-data/personal-data.ts'
import { rotateSigningKey } from '../../src/tenants/rotate-signing-key.ts'
import { aPhone, aPrincipal, granted } from '../support/world.ts'
import { type AuditedTenant, payloadOf, test } from './audited-tenant.ts'

describe('an honest record is whole', () => {
  test('after purges and erasures, through any number of key rotations', async ({
    chain,
    world,
  }) => {
    await chain.sweep()
    await rotateSigningKey(world, chain.principal.tenantId)
    const other = await aPhone(world, chain.principal, { user: 'other' })
    await chain.purge()
    await chain.sweep()
    await rotateSigningKey(world, chain.principal.tenantId)
    await granted(eraseUser(world, chain.principal, other.userId))
    await granted(eraseUser(world, chain.principal, chain.phone.userId))
    await chain.sweep()
    const verdict = await chain.verify()
    expect(verdict).toMatchObject({ firstBad: null, unsettled: false })
    expect(verdict.purged).toBeGreaterThanOrEqual(4)
    expect(verdict.erased).toBeGreaterThanOrEqual(3)
  })

  test('where old releases purged and erased without a signature, and this one goes on', async ({
    chain,
    world,
  }) => {
    const { tenantId } = chain.principal
    const person = await aPhone(world, chain.principal, { user: 'person' })
    await chain.sweepAsBefore()
    await chain.sql(
      'delete from activities where user_id = $1 and type <> $2',
      chain.phone.userId,
      'device_added',
    )
    await chain.unsignedPurge()
    await chain.sql('update users set erased_at = now() where id = $1', person.userId)
    await chain.sql(
      `update activities set details = '{}', salt = null where user_id = $1`,
      person.userId,
    )
    await chain.event('user_erased', person.userId)
    await chain.sweep()
    expect(await chain.verify()).toMatchObject({ firstBad: null, purged: 3, erased: 4 })
    const [{ jws } = {}, ...more] = await chain.checkpoints()
    expect(more).toEqual([])
    expect(payloadOf(jws)).toMatchObject({ tid: tenantId, purged: 3, erased: 1 })
    expect(chain.loggedCheckpoints()).toMatchObject([{ tenantId, checkpoint: jws }])
    await chain.purge()
    await granted(eraseUser(world, chain.principal, chain.phone.userId))
    await chain.sweep()
    expect(await chain.verify([`${jws}`])).toMatchObject({ firstBad: null, purged: 4 })
    expect(await chain.checkpoints()).toHaveLength(1)
  })

  test('with one checkpoint from many concurrent workers, which every start leaves unchanged', async ({
    chain,
  }) => {
    await Promise.all(Array.from({ length: 8 }, chain.sweep))
    await chain.sweep()
    await chain.sql(
      'update audit_chains set checkpoint_seq = null where tenant_id = $1',
      chain.principal.tenantId,
    )
    await chain.sweep()
    expect(
      [await chain.checkpoints(), chain.loggedCheckpoints()].map(({ length }) => length),
    ).toEqual([1, 1])
    expect(await chain.verify()).toMatchObject({ firstBad: null })
  })

  test('under keys that were stored elsewhere, and under no others', async ({ chain, world }) => {
    await chain.sweep()
    await chain.purge()
    await chain.sweep()
    const keys = (await world.keys.list(chain.principal.tenantId)).map(({ publicJwk }) => publicJwk)
    expect(await chain.verify([], keys)).toMatchObject({ firstBad: null })
    const others = (await world.keys.list((await aPrincipal(world)).tenantId)).map(
      ({ publicJwk }) => publicJwk,
    )
    expect(await chain.verify([], others)).toMatchObject({
      firstBad: { fault: 'checkpoint_not_ours' },
    })
    // The right keys, stored as those of another tenant.
    const { tenantId } = await aPrincipal(world)
    expect(await chain.verify([], keys, tenantId)).toMatchObject({
      firstBad: { fault: 'checkpoint_not_ours' },
    })
  })
})

describe('an erasure', () => {
  const blank = ({ sql }: AuditedTenant, userId: string) =>
    sql(`update activities set details = '{}', salt = null where user_id = $1`, userId)

  test('that is hand-made excuses nothing, whether the user is marked or not', async ({
    chain,
  }) => {
    await chain.sweep()
    const [{ id } = {}] = await chain.event('user_erased', chain.phone.userId)
    await chain.sweep()
    const seq = await chain.seqOf(id)
    expect(await chain.verify()).toMatchObject({ firstBad: { seq, fault: 'exemption_not_signed' } })
    await blank(chain, chain.phone.userId)
    expect(await chain.faultOf()).toBe('details_edited')
    await chain.sql('update users set erased_at = now() where id = $1', chain.phone.userId)
    expect(await chain.faultOf()).toBe('details_edited')
  })

  test('of a user who is not erased excuses nothing, signed or not', async ({ chain, world }) => {
    await chain.sweepAsBefore()
    await chain.event('user_erased', chain.phone.userId)
    await chain.sweep()
    await blank(chain, chain.phone.userId)
    expect(await chain.faultOf()).toBe('details_edited')
    const other = await aPhone(world, chain.principal, { user: 'other' })
    await chain.sql('update users set erased_at = now() where id = $1', chain.phone.userId)
    expect(await chain.faultOf()).toBeUndefined()
    await granted(eraseUser(world, chain.principal, other.userId))
    await chain.sweep()
    expect(await chain.faultOf()).toBeUndefined()
    await chain.sql('update users set erased_at = null where id = $1', other.userId)
    expect(await chain.faultOf()).toBe('details_edited')
  })

  test('is not ours with the signature of another user’s', async ({ world, chain }) => {
    const other = await aPhone(world, chain.principal, { user: 'other' })
    await chain.sweep()
    await granted(eraseUser(world, chain.principal, other.userId))
    const [{ details } = {}] = await chain.sql(
      `select details from audit_events where subject = $1 and type = 'user_erased'`,
      other.userId,
    )
    const [{ id } = {}] = await chain.event('user_erased', chain.phone.userId, details as object)
    await chain.sweep()
    const seq = await chain.seqOf(id)
    expect(await chain.verify()).toMatchObject({ firstBad: { seq, fault: 'exemption_not_ours' } })
    await blank(chain, chain.phone.userId)
    await chain.sql('update users set erased_at = now() where id = $1', chain.phone.userId)
    expect(await chain.faultOf()).toBe('details_edited')
  })

  test('of more or other rows than were counted is a fault', async ({ chain, world }) => {
    await chain.sweep()
    await granted(eraseUser(world, chain.principal, chain.phone.userId))
    const [{ details, count } = {}] = await chain.sql(
      `select details, (select count(*)::int from activities
         where user_id = $1 and occurred_at < now() - interval '1 day') as count
       from audit_events where subject = $1 and type = 'user_erased'`,
      chain.phone.userId,
    )
    const claims = payloadOf((details as { exemption: string }).exemption)
    expect(claims.count).toBe(count)
    for (const changes of [{ count: claims.count - 1 }, { digest: 'x' }]) {
      const payload = JSON.stringify({ ...claims, ...changes })
      const exemption = await world.signingKeys.sign(
        chain.principal.tenantId,
        auditExemptionTyp,
        payload,
      )
      await chain.sql(
        `update audit_events set details = $2 where subject = $1 and type = 'user_erased'`,
        chain.phone.userId,
        { exemption },
      )
      await chain.sweepAsBefore()
      expect(await chain.faultOf()).toBe('erasure_differs')
      const [{ seq } = {}] = await chain.sql(
        `select l.seq::int from audit_links l join audit_events e on e.id = l.row_id
         where e.subject = $1 and e.type = 'user_erased'`,
        chain.phone.userId,
      )
      await chain.sql(
        'delete from audit_links where tenant_id = $1 and seq >= $2',
        chain.principal.tenantId,
        seq,
      )
      await chain.sql(
        `update audit_chains set seq = $2 - 1, hash = (select hash from audit_links
           where tenant_id = $1 and seq = $2 - 1) where tenant_id = $1`,
        chain.principal.tenantId,
        seq,
      )
    }
  })
})
