// Random histories: rounds of creations and of answers to what they created.

import type { Challenge } from '../../src/domain/challenge.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import type { TestUser } from '../support/stores.ts'
import { buildChance, type Chance } from './lane-chance.ts'
import { aCreation, anAnswerItem, creationQuery, type Item } from './lane-items.ts'
import { type Pair, roundSize } from './lane-pair.ts'
import { type Plan, planRound, sendBothWays } from './lane-rounds.ts'
import { differingRows } from './lane-rows.ts'

export type Tally = {
  items: number
  /** Those that met a locked row, a twin, a change or a flaw. */
  disturbed: number
  /** Items by what became of them, and by what disturbed them. */
  readonly counts: Map<string, number>
  /** What differs between the two ways. */
  readonly differences: string[]
}

/** Ids are those of several tenants. */
const nameOf = ({ tenantId, id }: Challenge) => `${tenantId} ${id}`

type Question = { readonly user: TestUser; readonly challenge: Challenge }

class Histories {
  readonly tally: Tally = { items: 0, disturbed: 0, counts: new Map(), differences: [] }
  readonly #pair: Pair
  readonly #chance: Chance
  readonly #pending = new Map<TestUser, Challenge>()
  #rounds = 0
  readonly #usedKeys: { readonly tenantId: string; readonly key: string }[] = []

  constructor(pair: Pair, chance: Chance) {
    this.#pair = pair
    this.#chance = chance
  }

  async round(): Promise<void> {
    const plan = planRound(this.#rounds++)
    await this.#create(plan)
    const { questions, targets } = await this.#answer(plan)
    await this.#restore()
    await this.#readBothWays(questions, ({ stores }, { user, challenge }) =>
      stores.challenges.find(user.tenantId, user.rpId, challenge.id),
    )
    await this.#readBothWays(questions, ({ stores }, { user, challenge }) =>
      stores.challenges.loadPending(user.tenantId, targets.get(challenge) as DeviceId),
    )
  }

  #count(name: string): void {
    this.tally.counts.set(name, (this.tally.counts.get(name) ?? 0) + 1)
  }

  async #send(plan: Plan, items: readonly Item[]) {
    if (items.length < 2) return []
    const results = await sendBothWays(this.#pair, this.#chance, plan, items)
    for (const { item, mode, singly, batched } of results) {
      const way = item.what === 'create' ? 'create' : 'answer'
      const trouble = item.disturbance?.kind ?? item.flaw ?? (item.isTwin ? 'twin' : null)
      this.tally.items++
      if (trouble !== null || item.isImpossible) this.tally.disturbed++
      this.#count(`${way} ${singly.split(',')[0]}`)
      if (trouble !== null) this.#count(`${way}: ${trouble}`)
      if (mode !== null) this.#count(`${way} while: ${mode}`)
      if (singly !== batched) {
        const which = `${item.what} (${trouble}) of ${item.challenge.id}`
        this.tally.differences.push(`${which}: singly ${singly}, in a batch ${batched}`)
      }
    }
    return results
  }

  /** Reads the same by both; what is read by items that share a statement must be equal. */
  async #readBothWays<Of, Facts extends object | null>(
    of: readonly Of[],
    read: (side: Pair['singly'], one: Of) => Promise<Facts>,
  ): Promise<Facts[]> {
    const { singly, batched } = this.#pair
    const [one, many] = await Promise.all(
      [singly, batched].map((side) => Promise.all(of.map((each) => read(side, each)))),
    )
    for (const [index, facts] of one?.entries() ?? []) {
      if (timeless(facts) !== timeless(many?.[index])) {
        this.tally.differences.push(
          `read ${timeless(facts)}, in a batch ${timeless(many?.[index])}`,
        )
      }
    }
    return one ?? []
  }

  #key({ tenantId }: TestUser): string | null {
    if (this.#chance.when(0.3)) return null
    const used = this.#usedKeys.filter((one) => one.tenantId === tenantId)
    if (used.length > 0 && this.#chance.when(0.06)) return this.#chance.pick(used).key
    return random.id('challenge')
  }

  async #create(plan: Plan): Promise<void> {
    const chance = this.#chance
    const free = this.#pair.users.filter((user) => !this.#pending.has(user))
    const asks = chance.some(free, roundSize).map((user) => ({
      user,
      query: creationQuery(chance, user),
    }))
    const all = await this.#readBothWays(asks, ({ stores }, { query }) =>
      stores.challenges.loadCreation(query),
    )
    const twin = { isTwin: true }
    const fresh = new Map<string, string>()
    // Of users of the same id, whose tenants alone distinguish all their rows.
    const ids = new Map<string, ChallengeId>()
    const items = asks.flatMap(({ user, query }, index) => {
      const facts = all[index]
      if (!facts) throw new Error('no facts were read')
      const create = (key: string | null, options: Parameters<typeof aCreation>[5]) =>
        aCreation(chance, user, facts, query.initiatorKey, key, options)
      const colleagues = fresh.get(user.tenantId)
      if (colleagues && chance.when(0.1)) return [create(colleagues, twin)]
      const key = this.#key(user)
      const id = ids.get(user.userId) ?? random.id('challenge')
      ids.set(user.userId, id)
      const item = create(key, { ...plan, id })
      if (item.disturbance || item.flaw || item.isImpossible) return [item]
      if (key !== null) fresh.set(user.tenantId, key)
      return chance.when(0.1) ? [item, create(random.id('challenge'), twin)] : [item]
    })
    for (const { item, singly } of await this.#send(plan, items)) {
      if (singly !== 'done') continue
      this.#pending.set(item.user, item.challenge)
      if (item.key !== null) this.#usedKeys.push({ tenantId: item.user.tenantId, key: item.key })
    }
  }

  async #answer(plan: Plan) {
    const chance = this.#chance
    const questions = chance
      .some([...this.#pending.entries()], roundSize)
      .map(([user, challenge]): Question => ({ user, challenge }))
    const targets = await this.#targets(questions)
    const facts = await this.#readBothWays(questions, ({ stores }, { user, challenge }) =>
      stores.challenges.loadAnswer({
        tenantId: user.tenantId,
        deviceId: targets.get(challenge) as DeviceId,
        challengeId: challenge.id,
        jti: 'none',
      }),
    )
    const items = questions.flatMap(({ user }, index) => {
      const read = facts[index]
      if (!read?.target) throw new Error('the phone is not questions')
      const item = anAnswerItem(chance, user, read, plan)
      if (item.disturbance || item.flaw || item.isImpossible || !chance.when(0.1)) return [item]
      return [item, anAnswerItem(chance, user, read, { isTwin: true })]
    })
    await this.#send(plan, items)
    return { questions, targets }
  }

  /** A device of each challenge. */
  async #targets(questions: readonly Question[]): Promise<Map<Challenge, DeviceId>> {
    const { rows } = await this.#pair.singly.plain.query<{
      challenge: string
      devices: DeviceId[]
    }>(
      `select concat_ws(' ', tenant_id, challenge_id) as challenge,
         array_agg(device_id order by device_id) as devices
       from challenge_targets where challenge_id = any($1) group by tenant_id, challenge_id`,
      [questions.map(({ challenge }) => challenge.id)],
    )
    const devices = new Map(rows.map((row) => [row.challenge, row.devices]))
    return new Map(
      questions.map(({ challenge }) => [
        challenge,
        this.#chance.pick(devices.get(nameOf(challenge)) ?? []),
      ]),
    )
  }

  /** Users and phones come back, and what is pending has time left, so that histories go on. */
  async #restore(): Promise<void> {
    const { singly, batched } = this.#pair
    const until = new Date(Date.now() + 3_600_000).toISOString()
    for (const { plain } of [singly, batched]) {
      await plain.query(
        `update devices set status = 'active', unregistered_at = null
         where status = 'unregistered';
         update user_protections set suspended_at = null where suspended_at is not null;
         update challenges set expires_at = '${until}' where status = 'pending'
           and expires_at < clock_timestamp() + interval '10 minutes'`,
      )
    }
    const { rows } = await singly.plain.query(
      `select concat_ws(' ', tenant_id, id) as name from challenges where status = 'pending'`,
    )
    const names = new Set(rows.map(({ name }) => name))
    for (const [user, challenge] of this.#pending) {
      if (!names.has(nameOf(challenge))) this.#pending.delete(user)
    }
  }
}

/** What was read, without the times that each database takes from its own clock. */
const timeless = (facts: object | null | undefined) =>
  JSON.stringify(facts, (name, value: unknown) => {
    if (name === 'now') return null
    return name === 'decidedAt' ? value !== null : value
  })

/**
 * Runs as many rounds as so many items take, or until both ways differ; the same seed makes the
 * same choices.
 */
export async function runHistories(pair: Pair, seed: number, items: number): Promise<Tally> {
  const histories = new Histories(pair, buildChance(seed))
  const { tally } = histories
  while (tally.items < items && tally.differences.length === 0) await histories.round()
  tally.differences.push(...(await differingRows(pair)))
  return tally
}
