// countersign audit verify: reads the heads stored elsewhere, checks each tenant's record, and
// reports the verdict.

import { createReadStream, readFileSync } from 'node:fs'
import type { StoredHeads } from '../../audit/stored-heads.ts'
import type { StoredKeys } from '../../audit/trusted-keys.ts'
import type { AuditVerdict } from '../../audit/verify-audit.ts'
import type { PublicJwk } from '../../domain/device.ts'
import type { TenantId } from '../../domain/ids.ts'
import { signedTextsIn } from '../../platform/crypto/signed-texts.ts'
import type { openOperations } from '../open-operations.ts'
import type { Terminal } from '../terminal.ts'
import { CommandError } from './cli-usage.ts'

type Operations = Pick<
  Awaited<ReturnType<typeof openOperations>>,
  'collectKeptHeads' | 'verifyAudit'
>

/** Every signed text in a file, such as a log: the heads in it are checked against the chains. */
async function readHeads(
  operations: Operations,
  ids: readonly TenantId[],
  file: string | undefined,
  keys: StoredKeys | null,
): Promise<ReadonlyMap<TenantId, StoredHeads>> {
  if (file === undefined) return new Map()
  const stream = createReadStream(file)
  const unreadable = new Promise<never>((_, reject) => {
    stream.once('error', () => reject(new CommandError(`--heads: ${file} cannot be read`)))
  })
  const reading = operations.collectKeptHeads(ids, signedTextsIn(stream), keys)
  // The first rejection wins: the error of the stream ends the reading, too.
  reading.catch(() => undefined)
  return await Promise.race([reading, unreadable])
}

/**
 * The public keys of a set (RFC 7517) that was stored elsewhere; their ids are their thumbprints.
 */
function readKeys(file: string | undefined): readonly PublicJwk[] | null {
  if (file === undefined) return null
  try {
    const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { readonly keys: PublicJwk[] }
    if (Array.isArray(keys) && keys.length > 0) {
      return keys.map(({ kty, crv, x, y }) => ({ kty, crv, x, y }))
    }
  } catch {
    throw new CommandError(`--keys: ${file} cannot be read as a JSON Web Key Set`)
  }
  throw new CommandError(`--keys: ${file} holds no keys; save the tenant's .well-known/jwks.json`)
}

/** The keys as those of the tenant whose record is verified; `--keys` wants one. */
function keysOf(
  [tenantId]: readonly TenantId[],
  keys: readonly PublicJwk[] | null,
): StoredKeys | null {
  return keys === null || tenantId === undefined ? null : { tenantId, keys }
}

const namesOf = (verdicts: readonly AuditVerdict[]) =>
  verdicts.map(({ tenantId }) => tenantId).join(', ')

function warnOfVerdicts({ warn }: Terminal, verdicts: readonly AuditVerdict[]): void {
  const uncheckedVerdicts = verdicts.filter(({ keptHeads }) => keptHeads === 0)
  if (uncheckedVerdicts.length > 0) {
    warn(
      `WARNING: no head stored outside the database was checked for: ${namesOf(uncheckedVerdicts)}.
A chain that was deleted and rebuilt from nothing would not be noticed. Give --heads FILE
with the service's log.`,
    )
  }
  const foreign = verdicts.filter(({ foreignHeads }) => foreignHeads.count > 0)
  if (foreign.length > 0) {
    warn(
      `WARNING: heads in the file that claim to be of ${namesOf(foreign)} are signed by no key
of this installation. Either they were forged in the file, or a signing key was removed from the
database. They changed nothing else.`,
    )
  }
  const unsettledVerdicts = verdicts.filter((one) => one.unsettled && one.firstBad !== null)
  if (unsettledVerdicts.length > 0) {
    warn(
      'An erasure or a purge of the last minute is not linked yet; verify again before you ' +
        `trust the fault: ${namesOf(unsettledVerdicts)}.`,
    )
  }
}

function toRow({ firstBad, foreignHeads, ...counts }: AuditVerdict) {
  return {
    ...counts,
    whole: firstBad === null,
    ...(firstBad && {
      firstBadSeq: firstBad.seq,
      fault: firstBad.fault,
      ...(firstBad.rowId && { row: firstBad.rowId }),
    }),
    foreignHeads: foreignHeads.count,
    ...(foreignHeads.count > 0 && {
      firstForeign: foreignHeads.first.map(
        ({ line, seq, kid }) => `line ${line}: seq ${seq}, key ${kid}`,
      ),
    }),
  }
}

/**
 * Verifies the records of these tenants; exits with 1 if one was tampered with, or a head stored
 * elsewhere is not ours.
 */
export async function verifyAudits(
  operations: Operations,
  ids: readonly TenantId[],
  files: { readonly heads?: string | undefined; readonly keys?: string | undefined },
  terminal: Terminal,
) {
  const keys = keysOf(ids, readKeys(files.keys))
  const storedHeads = await readHeads(operations, ids, files.heads, keys)
  const verdicts: AuditVerdict[] = []
  for (const id of ids) verdicts.push(await operations.verifyAudit(id, storedHeads.get(id), keys))
  const isClean = ({ firstBad, foreignHeads }: AuditVerdict) =>
    firstBad === null && foreignHeads.count === 0
  if (!verdicts.every(isClean)) terminal.fail()
  warnOfVerdicts(terminal, verdicts)
  return verdicts.map(toRow)
}
