// Signed heads of audit records: whether one is to be believed, and those that were kept outside the database.

import {
  auditHeadTyp,
  type ChainEnd,
  commitSlackSeconds,
  readAuditHead,
} from '../domain/audit-chain.ts'
import { readHeader } from '../domain/claims.ts'
import type { PublicJwk } from '../domain/device.ts'
import type { TenantId } from '../domain/ids.ts'
import type { SigningKeyStore } from '../ports/directory-store.ts'
import type { Signatures } from '../ports/world.ts'
import type { SigningKeys } from './signing-keys.ts'

export type Needs = {
  readonly keys: Pick<SigningKeyStore, 'list'>
  readonly signingKeys: Pick<SigningKeys, 'signWith'>
  readonly signatures: Pick<Signatures, 'read' | 'verify' | 'thumbprint'>
}

/** A head that is believed: until when its chain was closed, in microseconds since 1970. */
export type Head = ChainEnd & { readonly closedThroughMicros: bigint }

/** A text that says it is a head of this tenant, and is not signed by a key of ours. */
export type ForeignHead = { readonly seq: number; readonly kid: string }

export type HeadReader = {
  /** What a text says to a tenant; undefined when it is no head, or one of another tenant. */
  read(tenantId: TenantId, text: string): Promise<Head | ForeignHead | undefined>
  /** The tenant that a text which may be a head names, unverified. */
  tenantIn(text: string): string | undefined
}

const headBytesMax = 4096

/** Reads heads; what is found out about a key is asked once. */
export function createHeadReader(needs: Needs): HeadReader {
  const believed = new Map<string, Promise<PublicJwk | null>>()

  /** A key is believed only when this installation can open its private half: one that somebody put into the table signs nothing here. */
  async function findBelieved(tenantId: TenantId, kid: string): Promise<PublicJwk | null> {
    const key = (await needs.keys.list(tenantId)).find((one) => one.kid === kid)
    if (!key || (await needs.signatures.thumbprint(key.publicJwk)) !== key.kid) return null
    try {
      await needs.signingKeys.signWith(tenantId, key.kid, '{}', '{}')
      return key.publicJwk
    } catch {
      return null
    }
  }

  function keyOf(tenantId: TenantId, kid: string): Promise<PublicJwk | null> {
    const name = `${tenantId} ${kid}`
    const known = believed.get(name) ?? findBelieved(tenantId, kid)
    // Whoever names keys that are not there must not fill the memory with them.
    if (believed.size > 10_000) believed.clear()
    believed.set(name, known)
    return known
  }

  function parse(text: string) {
    const jws = needs.signatures.read(text, headBytesMax)
    const claims = jws && readAuditHead(jws.payload)
    const header = jws && readHeader(auditHeadTyp, jws.header)
    return jws && claims && header ? { jws, claims, kid: header.kid } : undefined
  }

  return {
    tenantIn: (text) => parse(text)?.claims.tid,
    async read(tenantId, text) {
      const parsed = parse(text)
      if (!parsed || parsed.claims.tid !== tenantId) return undefined
      const { jws, kid } = parsed
      const { seq, hash, through } = parsed.claims
      const key = await keyOf(tenantId, kid)
      if (key === null || !(await needs.signatures.verify(jws, key))) return { seq, kid }
      const throughMs = Date.parse(through) - commitSlackSeconds * 1000
      return { seq, hash, closedThroughMicros: BigInt(throughMs) * 1000n }
    },
  }
}

/** What was kept of one tenant's heads. */
export type KeptHeads = {
  readonly heads: readonly Head[]
  /** Heads that are not ours: how many, and the first of them with the lines in which they stand. */
  readonly foreign: {
    readonly count: number
    readonly first: readonly (ForeignHead & { readonly line: number })[]
  }
}

export const noKeptHeads: KeptHeads = { heads: [], foreign: { count: 0, first: [] } }

const foreignShownMax = 10

type Collected = {
  readonly heads: Map<string, Head>
  readonly first: (ForeignHead & { readonly line: number })[]
  foreign: number
}

/**
 * Sorts signed texts by the tenants whose heads they are; all others are passed over. The same head again costs no memory, and
 * one that is not ours hides no other.
 */
export async function collectKeptHeads(
  needs: Needs,
  tenantIds: readonly TenantId[],
  texts: AsyncIterable<{ readonly line: number; readonly text: string }>,
): Promise<ReadonlyMap<TenantId, KeptHeads>> {
  const reader = createHeadReader(needs)
  const collected = new Map<TenantId, Collected>(
    tenantIds.map((id) => [id, { heads: new Map(), first: [], foreign: 0 }]),
  )
  for await (const { line, text } of texts) {
    const tenantId = reader.tenantIn(text) as TenantId
    const of = collected.get(tenantId)
    const head = of && (await reader.read(tenantId, text))
    if (!head) continue
    if ('hash' in head) {
      of.heads.set(`${head.seq} ${head.hash} ${head.closedThroughMicros}`, head)
      continue
    }
    of.foreign += 1
    if (of.first.length < foreignShownMax) of.first.push({ ...head, line })
  }
  return new Map(
    [...collected].map(([id, { heads, first, foreign }]) => [
      id,
      { heads: [...heads.values()], foreign: { count: foreign, first } },
    ]),
  )
}
