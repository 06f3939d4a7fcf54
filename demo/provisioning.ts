import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import type { Countersign } from './countersign-process.ts'

/** A fictitious company: its staff portal is the relying party of the demo. */
const company = 'Larkfield'
const namespace = 'demo'
/** Enrolling and unregistering have their own scopes, which a key has only on request. */
const keyScopes = ['challenges:write', 'enrollments:write', 'users:read', 'devices:write']

const account = z.object({
  /** Part of every issuer: phones that were set up under another one cannot be used. */
  origin: z.string(),
  tenantId: z.string(),
  relyingPartyId: z.string(),
  apiKey: z.string(),
})

/** What an operator gives to a relying party. */
export type RelyingPartyAccount = z.output<typeof account>

/** The account of the demo's relying party, and the origin of earlier runs where it differs. */
export type Provisioning = {
  readonly account: RelyingPartyAccount
  readonly earlierOrigin: string | null
}

/**
 * Creates tenant, relying party and API key as an operator does, by the command line, or reuses
 * those of an earlier run. They are stored in a file that only this user can read. `origin` is
 * where the company and phones reach the service.
 */
export async function provision(
  service: Countersign,
  folder: string,
  origin: string,
): Promise<Provisioning> {
  const file = path.join(folder, 'relying-party.json')
  const storedAccount = await readAccount(file)
  const isGood = storedAccount !== null && (await isKeyGood(service.origin, storedAccount.apiKey))
  const ownAccount = isGood
    ? { ...storedAccount, origin }
    : await createAccount({ ...service, origin }, company)
  await writeFile(file, JSON.stringify(ownAccount), { mode: 0o600 })
  const earlierOrigin = isGood && storedAccount.origin !== origin ? storedAccount.origin : null
  return { account: ownAccount, earlierOrigin }
}

/**
 * What the first start of a service created and printed, with a key of all scopes. Throws when this
 * was not its first.
 */
export async function firstAccount(
  { origin }: Pick<Countersign, 'origin'>,
  logFile: string,
): Promise<Provisioning> {
  const log = await readFile(logFile, 'utf8')
  const printedValue = (label: string) => new RegExp(`^  ${label} +(\\S+)`, 'm').exec(log)?.[1]
  const tenantId = printedValue('tenant')
  const relyingPartyId = printedValue('relying party')
  const apiKey = printedValue('API key')
  if (!tenantId || !relyingPartyId || !apiKey) {
    throw new Error(`${logFile} shows no key of a first start`)
  }
  return { account: { origin, tenantId, relyingPartyId, apiKey }, earlierOrigin: null }
}

async function readAccount(file: string): Promise<RelyingPartyAccount | null> {
  const text = await readFile(file, 'utf8').catch(() => null)
  if (text === null) return null
  try {
    return account.parse(JSON.parse(text))
  } catch {
    // Of another version, or truncated: a new account replaces it.
    return null
  }
}

async function isKeyGood(origin: string, apiKey: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${apiKey}` }
  const response = await fetch(`${origin}/v1/tenant`, { headers })
  await response.body?.cancel()
  return response.ok
}

const idSchema = z.looseObject({ id: z.string() })
const madeKey = z.looseObject({ secret: z.string() })

/** A tenant of this name with a relying party and its API key, created by the command line. */
export async function createAccount(
  { origin, operate }: Pick<Countersign, 'origin' | 'operate'>,
  name: string,
): Promise<RelyingPartyAccount> {
  const tenant = idSchema.parse(await operate('tenants', 'create', '--name', name))
  const within = ['--tenant', tenant.id, '--name', name]
  const party = idSchema.parse(
    await operate('relying-parties', 'create', ...within, '--namespace', namespace),
  )
  const rights = keyScopes.flatMap((scope) => ['--scope', scope])
  const key = madeKey.parse(
    await operate('keys', 'create', ...within, '--relying-party', party.id, ...rights),
  )
  return { origin, tenantId: tenant.id, relyingPartyId: party.id, apiKey: key.secret }
}
