// The rows of two databases, without what chance and the clock decide.

import type pg from 'pg'
import type { Pair } from './lane-pair.ts'

/** Of these columns only whether they are null is compared. */
const maskedColumns: Readonly<Record<string, readonly string[]>> = {
  challenges: ['decided_at'],
  challenge_targets: [],
  deliveries: ['id', 'due_at', 'leased_until', 'created_at'],
  activities: ['id', 'salt', 'occurred_at'],
  answers: ['created_at'],
  device_proofs: [],
  devices: [],
  initiators: [],
  user_protections: [],
  reports: [],
}

/** What hangs together, although its values are masked. */
const facts = {
  'pushes of new challenges': `
    select concat_ws(' ', tenant_id, id, challenge_id, device_id) as row from deliveries
    where kind = 'challenge_opened'`,
  'leases of pushes': `
    select concat_ws(' ', tenant_id, challenge_id, device_id, kind,
      round(extract(epoch from leased_until - due_at))) as row from deliveries`,
  'the answers that ended a challenge, at its time': `
    select concat_ws(' ', a.tenant_id, a.jti) as row from answers a join challenges c on c.tenant_id = a.tenant_id
      and c.id = a.challenge_id and c.decided_at = a.created_at`,
}

const rowsOf = (table: string) => `
  select ((to_jsonb(t) - $1::text[]) || coalesce((
      select jsonb_object_agg(mask, to_jsonb(t) ->> mask is null) from unnest($1::text[]) mask),
    '{}'))::text as row
  from ${table} t`

async function read(client: pg.Client): Promise<Map<string, string[]>> {
  const rowsByName = new Map<string, string[]>()
  const keep = (name: string, rows: readonly { readonly row: string }[]) =>
    rowsByName.set(name, rows.map(({ row }) => row).toSorted())
  for (const [table, masks] of Object.entries(maskedColumns)) {
    keep(table, (await client.query(rowsOf(table), [masks])).rows)
  }
  for (const [name, text] of Object.entries(facts)) keep(name, (await client.query(text)).rows)
  return rowsByName
}

/** The rows that only one of both has. */
export async function differingRows({ singly, batched }: Pair): Promise<string[]> {
  const [one, other] = [await read(singly.plain), await read(batched.plain)]
  return [...one].flatMap(([name, rows]) => {
    const others = other.get(name) ?? []
    const [mine, theirs] = [new Set(rows), new Set(others)]
    const lines = [
      ...rows.filter((row) => !theirs.has(row)).map((row) => `${name}: only singly ${row}`),
      ...others.filter((row) => !mine.has(row)).map((row) => `${name}: only in a batch ${row}`),
    ]
    if (rows.length !== others.length) {
      lines.push(`${name}: ${rows.length} rows singly, ${others.length} in a batch`)
    }
    return lines
  })
}
