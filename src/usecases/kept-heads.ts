// Signed heads and checkpoints of audit records: whether one is to be believed, and those that were kept outside the database.

import {
  auditHeadTyp,
  type ChainEnd,
  commitSlackSeconds,
  readAuditHead,
} from '../domain/audit-chain.ts'
import { auditCheckpointTyp, type Checkpoint, readCheckpoint } from '../domain/audit-exemption.ts'
import { readHeader } from '../domain/claims.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Signatures } from '../ports/world.ts'
import { auditJwsBytesMax } from './audit-checkpoint.ts'
import {
  type BelievedKeys,
  believedKeys,
  type KeptKeys,
  type Needs as KeyNeeds,
} from './believed-keys.ts'

export type Needs = KeyNeeds & {
  readonly signatures: Pick<Signatures, 'read' | 'verify'>
}

/** A head that is believed: until when its chain was closed, in microseconds since 1970, and the checkpoint that it names. */
export type Head = ChainEnd & {
  readonly closedThroughMicros: bigint
  readonly checkpoint: number | undefined
}

/** A text that says it is a head or checkpoint of this tenant, and is not signed by a key of ours. */
export type ForeignHead = { readonly seq: number; readonly kid: string }

export type HeadReader = {
  /** What a text says to a tenant; undefined when it is no head, or one of another tenant. */
  readHead(tenantId: TenantId, text: string): Promise<Head | ForeignHead | undefined>
  /** The same for checkpoints. */
  readCheckpoint(tenantId: TenantId, text: string): Promise<Checkpoint | ForeignHead | undefined>
  /** The tenant that a text which may be a head or a checkpoint names, unverified. */
  tenantIn(text: string): string | undefined
}

/** Reads heads and checkpoints. */
export function createHeadReader(
  { signatures }: Pick<Needs, 'signatures'>,
  believes: BelievedKeys,
): HeadReader {
  function parse<C>(text: string, typ: string, read: (payload: unknown) => C | undefined) {
    const jws = signatures.read(text, auditJwsBytesMax)
    const claims = jws && read(jws.payload)
    const header = jws && readHeader(typ, jws.header)
    return jws && claims && header ? { jws, claims, kid: header.kid } : undefined
  }
  const parseHead = (text: string) => parse(text, auditHeadTyp, readAuditHead)
  const parseCheckpoint = (text: string) => parse(text, auditCheckpointTyp, readCheckpoint)

  async function isBelieved(tenantId: TenantId, kid: string, jws: Parameters<Verify>[0]) {
    const key = await believes(tenantId, kid)
    return key !== null && (await signatures.verify(jws, key))
  }

  return {
    tenantIn: (text) => (parseHead(text) ?? parseCheckpoint(text))?.claims.tid,
    async readHead(tenantId, text) {
      const parsed = parseHead(text)
      if (!parsed || parsed.claims.tid !== tenantId) return undefined
      const { jws, kid } = parsed
      const { seq, hash, through, checkpoint } = parsed.claims
      if (!(await isBelieved(tenantId, kid, jws))) return { seq, kid }
      const throughMs = Date.parse(through) - commitSlackSeconds * 1000
      return { seq, hash, checkpoint, closedThroughMicros: BigInt(throughMs) * 1000n }
    },
    async readCheckpoint(tenantId, text) {
      const parsed = parseCheckpoint(text)
      if (!parsed || parsed.claims.tid !== tenantId) return undefined
      const { jws, kid, claims } = parsed
      return (await isBelieved(tenantId, kid, jws)) ? claims : { seq: claims.seq, kid }
    },
  }
}
type Verify = Signatures['verify']

/** What was kept of one tenant's heads. */
export type KeptHeads = {
  readonly heads: readonly Head[]
  /** Texts of checkpoints that are believed: there should be one at most. */
  readonly checkpoints: readonly string[]
  /** Heads and checkpoints that are not ours: how many, and the first of them with the lines in which they stand. */
  readonly foreign: {
    readonly count: number
    readonly first: readonly (ForeignHead & { readonly line: number })[]
  }
}

export const noKeptHeads: KeptHeads = {
  heads: [],
  checkpoints: [],
  foreign: { count: 0, first: [] },
}

const foreignShownMax = 10

type Collected = {
  readonly heads: Map<string, Head>
  readonly checkpoints: Set<string>
  readonly first: (ForeignHead & { readonly line: number })[]
  foreign: number
}

/**
 * Sorts signed texts by the tenants whose heads and checkpoints they are; all others are passed over. The same head again costs no
 * memory, and one that is not ours hides no other. With `keys` those are believed and no others.
 */
export async function collectKeptHeads(
  needs: Needs,
  tenantIds: readonly TenantId[],
  texts: AsyncIterable<{ readonly line: number; readonly text: string }>,
  keys: KeptKeys | null = null,
): Promise<ReadonlyMap<TenantId, KeptHeads>> {
  const reader = createHeadReader(needs, believedKeys(needs, keys))
  const collected = new Map<TenantId, Collected>(
    tenantIds.map((id) => [
      id,
      { heads: new Map(), checkpoints: new Set(), first: [], foreign: 0 },
    ]),
  )
  for await (const { line, text } of texts) {
    const tenantId = reader.tenantIn(text) as TenantId
    const of = collected.get(tenantId)
    if (!of) continue
    const head = await reader.readHead(tenantId, text)
    const said = head ?? (await reader.readCheckpoint(tenantId, text))
    if (!said) continue
    if ('kid' in said) {
      of.foreign += 1
      if (of.first.length < foreignShownMax) of.first.push({ ...said, line })
    } else if ('closedThroughMicros' in said) {
      const { seq, hash, closedThroughMicros, checkpoint } = said
      of.heads.set(`${seq} ${hash} ${closedThroughMicros} ${checkpoint}`, said)
    } else {
      of.checkpoints.add(text)
    }
  }
  return new Map(
    [...collected].map(([id, { heads, checkpoints, first, foreign }]) => [
      id,
      {
        heads: [...heads.values()],
        checkpoints: [...checkpoints],
        foreign: { count: foreign, first },
      },
    ]),
  )
}
