// What the operator's commands do, once it is clear how they were called.

import { pino } from 'pino'
import { verifyAudits } from './cli-audit.ts'
import type { Given } from './cli-usage.ts'
import { CommandError } from './cli-usage.ts'
import { type Config, readConfig } from './config.ts'
import { overlapBoundsSeconds } from './domain/api-key.ts'
import { isId, type RelyingPartyId, type TenantId } from './domain/ids.ts'
import { isRefusal, type Refusal } from './domain/refusal.ts'
import { defaultScopes, type Scope, scopes } from './domain/scope.ts'
import { spellOutHidden } from './domain/text.ts'
import { identifierCases } from './domain/user-name.ts'
import { loggerOptions } from './http/logging.ts'
import { openMigratedDatabase } from './open-database.ts'
import { openOperations } from './open-operations.ts'
import { boundedLines } from './outbound/signed-texts.ts'
import { say, warn } from './terminal.ts'

/** Of a line of the revocation log, in bytes; they have some two hundred. */
const revocationLengthMax = 64 * 1024

type Operations = Awaited<ReturnType<typeof openOperations>>

async function tenantOf(operations: Operations, given: string | undefined) {
  const tenants = await operations.listTenants()
  const [only] = tenants
  if (!only) {
    throw new CommandError(
      'There is no tenant yet. Start the service once, or make one: countersign tenants create --name NAME',
    )
  }
  if (given === undefined) {
    if (tenants.length === 1) return only.id
    throw new CommandError('Name the tenant with --tenant ID; see: countersign tenants list')
  }
  const found = tenants.find((tenant) => tenant.id === given)
  if (found) return found.id
  throw new CommandError(`There is no tenant ${given}; see: countersign tenants list`)
}

function readScopes(given: readonly string[] | undefined): readonly Scope[] {
  if (!given) return defaultScopes
  return given.map((name) => {
    const scope = scopes.find((one) => one === name)
    if (scope) return scope
    throw new CommandError(`There is no scope ${name}. Scopes: ${scopes.join(', ')}`)
  })
}

function readDate(text: string | undefined): Date | null {
  if (text === undefined) return null
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) throw new CommandError('--expires-at takes an RFC 3339 time')
  return date
}

function readOverlap(text: string | undefined): { overlapSeconds?: number } {
  if (text === undefined) return {}
  const { min, max } = overlapBoundsSeconds
  const seconds = /^[0-9]{1,9}$/.test(text) ? Number(text) : -1
  if (seconds >= min && seconds <= max) return { overlapSeconds: seconds }
  throw new CommandError(`--overlap-seconds takes ${min} to ${max}`)
}

/** The relying party of a key: the named one, else the only one of the tenant. */
async function partyOf(
  operations: Operations,
  tenantId: TenantId,
  given: string | undefined,
): Promise<RelyingPartyId> {
  if (given !== undefined) {
    if (isId('relyingParty', given)) return given
    throw new CommandError(`${given} is no relying party's id`)
  }
  const [only, ...more] = await operations.listRelyingParties(tenantId)
  if (only && more.length === 0) return only.id
  throw new CommandError(
    'Name the relying party with --relying-party ID; see: countersign relying-parties list',
  )
}

/** On an empty installation the first key, with tenant and relying party, as the first start of the service makes them. */
async function createKey(operations: Operations, { values }: Given) {
  const asked = {
    name: values.name ?? '',
    expiresAt: readDate(values['expires-at']),
    allowedAddresses: values['allow-address'] ?? [],
  }
  const isFirst = values.tenant === undefined && values['relying-party'] === undefined
  if (isFirst && (await operations.listTenants()).length === 0) {
    const first = { ...asked, ...(values.scope && { scopes: readScopes(values.scope) }) }
    const made = await operations.createFirstKey(first)
    if (made && !isRefusal(made)) return { ...made.apiKey, secret: made.secret }
    if (isRefusal(made)) throw new CommandError(made.hint ?? made.refused)
  }
  const tenantId = await tenantOf(operations, values.tenant)
  const rpId = await partyOf(operations, tenantId, values['relying-party'])
  const scopes = readScopes(values.scope)
  const created = await operations.createApiKey({ ...asked, tenantId, rpId, scopes })
  if (isRefusal(created)) {
    throw new CommandError(created.hint ?? `There is no relying party ${rpId}`)
  }
  return { ...created.key, secret: created.secret }
}

/** What PUBLIC_ORIGIN may be, too. */
function readOrigin(text: string | undefined): string {
  const { publicOrigin } = readConfig({ PUBLIC_ORIGIN: text })
  if (publicOrigin === null)
    throw new CommandError('--to takes an origin: https://approve.example.com')
  return publicOrigin
}

/** What was made; throws what the operator can do when it was refused. */
function granted<T extends object>(made: T | Refusal): T {
  if (!isRefusal(made)) return made
  throw new CommandError(made.hint ?? `refused: ${made.refused}`)
}

type Command = (operations: Operations, given: Given) => Promise<unknown>

const commands: Record<string, Command> = {
  'tenants list': (operations) => operations.listTenants(),
  'tenants create': async (operations, { values }) =>
    granted(await operations.createTenant(values.name ?? '')),
  async 'tenants change'(operations, { values }) {
    const given = values['identifier-case']
    const identifierCase = identifierCases.find((one) => one === given)
    if (!identifierCase) {
      throw new CommandError(`--identifier-case takes ${identifierCases.join(' or ')}`)
    }
    const id = await tenantOf(operations, values.tenant)
    const changed = await operations.changeTenant(id, { identifierCase })
    if (!isRefusal(changed)) return changed
    const collisions = [changed.facts?.collisions ?? []].flat()
    throw new CommandError(
      [
        'Identifiers of different users would become one; erase one user of each:',
        ...collisions,
      ].join('\n  '),
    )
  },
  'relying-parties list': async (operations, { values }) =>
    operations.listRelyingParties(await tenantOf(operations, values.tenant)),
  'relying-parties create': async (operations, { values }) => {
    const { name = '', namespace: namespaces = [] } = values
    const tenantId = await tenantOf(operations, values.tenant)
    return granted(await operations.createRelyingParty({ tenantId, name, namespaces }))
  },
  'origin change': async (operations, { values }) => {
    const changed = await operations.changeOrigin(readOrigin(values.to))
    if (isRefusal(changed)) throw new CommandError(changed.hint ?? changed.refused)
    return changed
  },
  'keys list': async (operations, { values }) =>
    operations.listApiKeys(await tenantOf(operations, values.tenant)),
  'keys create': createKey,
  async 'keys rotate'(operations, { positionals: [, , id = ''], values }) {
    if (!isId('apiKey', id)) throw new CommandError('Name the key: countersign keys rotate key_...')
    const known = await operations.findApiKey(id)
    if (!known) throw new CommandError(`There is no key ${id}`)
    const expiresAt = readDate(values['expires-at'])
    const rotated = await operations.rotateApiKey({
      tenantId: known.key.tenantId,
      id,
      ...readOverlap(values['overlap-seconds']),
      ...(expiresAt && { expiresAt }),
    })
    if (isRefusal(rotated)) {
      throw new CommandError(
        rotated.refused === 'rotation_under_way'
          ? 'Two keys of this lineage are live; revoke the old one, or wait until it ends'
          : `The key ${id} is expired or revoked; create a new one`,
      )
    }
    return { ...rotated.key, secret: rotated.secret, previousExpiresAt: rotated.previous.expiresAt }
  },
  async 'keys revoke'(operations, { positionals: [, , id = ''] }) {
    if (!isId('apiKey', id)) throw new CommandError('Name the key: countersign keys revoke key_...')
    const known = await operations.findApiKey(id)
    const revoked = known && (await operations.revokeApiKey(known.key.tenantId, id))
    if (!revoked || isRefusal(revoked)) throw new CommandError(`There is no key ${id}`)
    return revoked
  },
  async 'revocations apply'(operations) {
    const lines = boundedLines(process.stdin, revocationLengthMax)
    const applied = await operations.applyRevocations(lines)
    if (applied.unreadable > 0) {
      warn('Some lines are no revocations; look at them: what they said was not applied.')
      process.exitCode = 1
    }
    return applied
  },
  async 'audit verify'(operations, { values }) {
    const ids =
      values.tenant || values.keys
        ? [await tenantOf(operations, values.tenant)]
        : (await operations.listTenants()).map(({ id }) => id)
    return await verifyAudits(operations, ids, values)
  },
  async 'signing-keys rotate'(operations, { values }) {
    const rotated = await operations.rotateSigningKey(await tenantOf(operations, values.tenant))
    if (isRefusal(rotated))
      throw new CommandError('Another rotation came first; look before you repeat it')
    return rotated
  },
}

function print(result: unknown, json: boolean): void {
  if (json) {
    say(JSON.stringify(result))
    return
  }
  for (const row of Array.isArray(result) ? result : [result]) {
    for (const [name, value] of Object.entries(row as Record<string, unknown>)) {
      const text = value instanceof Date ? value.toISOString() : value
      const shown = Array.isArray(text) ? text.join(', ') : (text ?? '-')
      say(`${name.padEnd(14)} ${spellOutHidden(String(shown))}`)
    }
    say('')
  }
}

/** Carries out one command of those that `isCommand` knows, and prints what it gives; throws what the operator should read. */
export async function run(config: Config, given: Given): Promise<void> {
  const log = pino(loggerOptions('warn'), pino.destination(2))
  const name = given.positionals.slice(0, 2).join(' ')
  if (name === 'migrate') {
    const opened = await openMigratedDatabase(config, log)
    await opened.close()
    say('The database is up to date.')
    return
  }
  const command = commands[name]
  if (!command) throw new Error(`the usage tells of a command that is not there: ${name}`)
  const publicOrigin = config.publicOrigin ?? `http://localhost:${config.port}`
  // Whoever changes the origin may have set the new one already.
  const anyOrigin = name === 'origin change'
  const operations = await openOperations(config, publicOrigin, log, { anyOrigin })
  try {
    print(await command(operations, given), given.values.json)
  } finally {
    await operations.close()
  }
}
