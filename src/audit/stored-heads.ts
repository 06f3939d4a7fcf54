// Signed heads and checkpoints of audit records: whether one is trusted, and those stored outside
// the database.

import {
  auditHeadTyp,
  type ChainEnd,
  commitSlackSeconds,
  readAuditHead,
} from '../domain/audit-chain.ts'
import { auditCheckpointTyp, type Checkpoint, readCheckpoint } from '../domain/audit-exemption.ts'
import { readHeader } from '../domain/claims.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Signatures } from '../platform/world.ts'
import { auditJwsBytesMax } from './audit-checkpoint.ts'
import {
  buildTrustedKeys,
  type Dependencies as KeyDependencies,
  type StoredKeys,
  type TrustedKeys,
} from './trusted-keys.ts'

export type Dependencies = KeyDependencies & {
  readonly signatures: Pick<Signatures, 'read' | 'verify'>
}

/**
 * A trusted head: until when its chain was closed, in microseconds since 1970, and the checkpoint
 * that it names.
 */
export type Head = ChainEnd & {
  readonly closedThroughMicros: bigint
  readonly checkpoint: number | undefined
}

/**
 * A text that claims to be a head or checkpoint of this tenant, but is not signed by a key of ours.
 */
export type ForeignHead = { readonly seq: number; readonly kid: string }

export type HeadReader = {
  /** The head in a text, for a tenant; undefined when it is no head, or one of another tenant. */
  readHead(tenantId: TenantId, text: string): Promise<Head | ForeignHead | undefined>
  /** The same for checkpoints. */
  readCheckpoint(tenantId: TenantId, text: string): Promise<Checkpoint | ForeignHead | undefined>
  /** The tenant that a text claims, if it may be a head or a checkpoint; unverified. */
  tenantIn(text: string): string | undefined
}

/** Reads heads and checkpoints. */
export function buildHeadReader(
  { signatures }: Pick<Dependencies, 'signatures'>,
  trustedKey: TrustedKeys,
): HeadReader {
  function parse<C>(text: string, typ: string, read: (payload: unknown) => C | undefined) {
    const jws = signatures.read(text, auditJwsBytesMax)
    const claims = jws && read(jws.payload)
    const header = jws && readHeader(typ, jws.header)
    return jws && claims && header ? { jws, claims, kid: header.kid } : undefined
  }
  const parseHead = (text: string) => parse(text, auditHeadTyp, readAuditHead)
  const parseCheckpoint = (text: string) => parse(text, auditCheckpointTyp, readCheckpoint)

  async function isTrusted(tenantId: TenantId, kid: string, jws: Parameters<Verify>[0]) {
    const key = await trustedKey(tenantId, kid)
    return key !== null && (await signatures.verify(jws, key))
  }

  return {
    tenantIn: (text) => (parseHead(text) ?? parseCheckpoint(text))?.claims.tid,
    async readHead(tenantId, text) {
      const head = parseHead(text)
      if (!head || head.claims.tid !== tenantId) return undefined
      const { jws, kid } = head
      const { seq, hash, through, checkpoint } = head.claims
      if (!(await isTrusted(tenantId, kid, jws))) return { seq, kid }
      const throughMs = Date.parse(through) - commitSlackSeconds * 1000
      return { seq, hash, checkpoint, closedThroughMicros: BigInt(throughMs) * 1000n }
    },
    async readCheckpoint(tenantId, text) {
      const checkpoint = parseCheckpoint(text)
      if (!checkpoint || checkpoint.claims.tid !== tenantId) return undefined
      const { jws, kid, claims } = checkpoint
      return (await isTrusted(tenantId, kid, jws)) ? claims : { seq: claims.seq, kid }
    },
  }
}
type Verify = Signatures['verify']

/** One tenant's heads and checkpoints that were stored outside the database. */
export type StoredHeads = {
  readonly heads: readonly Head[]
  /** Texts of trusted checkpoints: there should be one at most. */
  readonly checkpoints: readonly string[]
  /** Heads and checkpoints that are not ours: how many, and the first of them with their lines. */
  readonly foreign: {
    readonly count: number
    readonly first: readonly (ForeignHead & { readonly line: number })[]
  }
}

export const noStoredHeads: StoredHeads = {
  heads: [],
  checkpoints: [],
  foreign: { count: 0, first: [] },
}

const foreignShownMax = 10

type Collection = {
  readonly heads: Map<string, Head>
  readonly checkpoints: Set<string>
  readonly first: (ForeignHead & { readonly line: number })[]
  foreign: number
}

/**
 * Groups signed texts by the tenants whose heads and checkpoints they are; all others are skipped.
 * A repeated head costs no memory, and a foreign one hides no other. With `keys` only those are
 * trusted.
 */
export async function collectStoredHeads(
  dependencies: Dependencies,
  tenantIds: readonly TenantId[],
  texts: AsyncIterable<{ readonly line: number; readonly text: string }>,
  keys: StoredKeys | null = null,
): Promise<ReadonlyMap<TenantId, StoredHeads>> {
  const reader = buildHeadReader(dependencies, buildTrustedKeys(dependencies, keys))
  const collections = new Map<TenantId, Collection>(
    tenantIds.map((id) => [
      id,
      { heads: new Map(), checkpoints: new Set(), first: [], foreign: 0 },
    ]),
  )
  for await (const { line, text } of texts) {
    const tenantId = reader.tenantIn(text) as TenantId
    const collection = collections.get(tenantId)
    if (!collection) continue
    const head = await reader.readHead(tenantId, text)
    const signedText = head ?? (await reader.readCheckpoint(tenantId, text))
    if (!signedText) continue
    if ('kid' in signedText) {
      collection.foreign += 1
      if (collection.first.length < foreignShownMax) collection.first.push({ ...signedText, line })
    } else if ('closedThroughMicros' in signedText) {
      const { seq, hash, closedThroughMicros, checkpoint } = signedText
      collection.heads.set(`${seq} ${hash} ${closedThroughMicros} ${checkpoint}`, signedText)
    } else {
      collection.checkpoints.add(text)
    }
  }
  return new Map(
    [...collections].map(([id, { heads, checkpoints, first, foreign }]) => [
      id,
      {
        heads: [...heads.values()],
        checkpoints: [...checkpoints],
        foreign: { count: foreign, first },
      },
    ]),
  )
}
