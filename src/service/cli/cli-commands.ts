// The operator's commands, with their arguments parsed.

import { pino } from 'pino'
import { overlapBoundsSeconds } from '../../domain/api-key.ts'
import { isId, type RelyingPartyId, type TenantId } from '../../domain/ids.ts'
import { isRefusal, type Refusal } from '../../domain/refusal.ts'
import { defaultScopes, type Scope, scopes } from '../../domain/scope.ts'
import { spellOutHidden } from '../../domain/text.ts'
import { identifierCases } from '../../domain/user-name.ts'
import { boundedLines } from '../../platform/crypto/signed-texts.ts'
import { loggerOptions } from '../../platform/http/logging.ts'
import { type Config, readConfig } from '../config.ts'
import { openMigratedDatabase } from '../open-database.ts'
import { openOperations } from '../open-operations.ts'
import type { Terminal } from '../terminal.ts'
import { verifyAudits } from './cli-audit.ts'
import { readIntegrationId, testRows } from './cli-connection.ts'
import { originWarning, readIntegration, setupRows } from './cli-integrations.ts'
import type { CommandCall } from './cli-usage.ts'
import { CommandError } from './cli-usage.ts'

/** Maximum of a line of the revocation log, in bytes; a line has some two hundred. */
const revocationBytesMax = 64 * 1024

/** What goes to the output of a command is in no log of the service. */
const keepTheLine =
  'REVOCATION_LOG is "-": the line with "revocation" is printed above and is in no log. Add it ' +
  'to those that you keep, or a restored backup trusts this key again.'

type Operations = Awaited<ReturnType<typeof openOperations>>

async function tenantOf(operations: Operations, tenantArgument: string | undefined) {
  const tenants = await operations.listTenants()
  const [only] = tenants
  if (!only) {
    throw new CommandError(
      'There is no tenant yet. Start the service once, or create one: countersign tenants ' +
        'create --name NAME',
    )
  }
  if (tenantArgument === undefined) {
    if (tenants.length === 1) return only.id
    throw new CommandError('Name the tenant with --tenant ID; see: countersign tenants list')
  }
  const tenant = tenants.find((tenant) => tenant.id === tenantArgument)
  if (tenant) return tenant.id
  throw new CommandError(`There is no tenant ${tenantArgument}; see: countersign tenants list`)
}

function readScopes(names: readonly string[] | undefined): readonly Scope[] {
  if (!names) return defaultScopes
  return names.map((name) => {
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
  partyArgument: string | undefined,
): Promise<RelyingPartyId> {
  if (partyArgument !== undefined) {
    if (isId('relyingParty', partyArgument)) return partyArgument
    throw new CommandError(`${partyArgument} is no relying party's id`)
  }
  const [only, ...more] = await operations.listRelyingParties(tenantId)
  if (only && more.length === 0) return only.id
  throw new CommandError(
    'Name the relying party with --relying-party ID; see: countersign relying-parties list',
  )
}

/**
 * Creates a key; in an empty installation the first one, with tenant and relying party, as the
 * first start of the service does.
 */
async function createKey(operations: Operations, { values }: CommandCall) {
  const input = {
    name: values.name ?? '',
    expiresAt: readDate(values['expires-at']),
    allowedAddresses: values['allow-address'] ?? [],
  }
  const isFirst = values.tenant === undefined && values['relying-party'] === undefined
  if (isFirst && (await operations.listTenants()).length === 0) {
    const first = { ...input, ...(values.scope && { scopes: readScopes(values.scope) }) }
    const firstKey = await operations.createFirstKey(first)
    if (firstKey && !isRefusal(firstKey)) return { ...firstKey.apiKey, secret: firstKey.secret }
    if (isRefusal(firstKey)) throw new CommandError(firstKey.hint ?? firstKey.refused)
  }
  const tenantId = await tenantOf(operations, values.tenant)
  const rpId = await partyOf(operations, tenantId, values['relying-party'])
  const scopes = readScopes(values.scope)
  const newKey = await operations.createApiKey({ ...input, tenantId, rpId, scopes })
  if (isRefusal(newKey)) {
    throw new CommandError(newKey.hint ?? `There is no relying party ${rpId}`)
  }
  return { ...newKey.key, secret: newKey.secret }
}

/** Reads an origin by the rules of PUBLIC_ORIGIN. */
function readOrigin(text: string | undefined): string {
  const { publicOrigin } = readConfig({ PUBLIC_ORIGIN: text })
  if (publicOrigin === null)
    throw new CommandError('--to takes an origin: https://approve.example.com')
  return publicOrigin
}

/** The result; throws the hint for the operator if it is a refusal. */
function orThrow<T extends object>(result: T | Refusal): T {
  if (!isRefusal(result)) return result
  throw new CommandError(result.hint ?? `refused: ${result.refused}`)
}

type Command = (operations: Operations, call: CommandCall, terminal: Terminal) => Promise<unknown>

const commands: Record<string, Command> = {
  'tenants list': (operations) => operations.listTenants(),
  'tenants create': async (operations, { values }) =>
    orThrow(await operations.createTenant(values.name ?? '')),
  async 'tenants change'(operations, { values }) {
    const caseArgument = values['identifier-case']
    const identifierCase = identifierCases.find((one) => one === caseArgument)
    if (!identifierCase) {
      throw new CommandError(`--identifier-case takes ${identifierCases.join(' or ')}`)
    }
    const id = await tenantOf(operations, values.tenant)
    const tenant = await operations.changeTenant(id, { identifierCase })
    if (!isRefusal(tenant)) return tenant
    const collisions = [tenant.facts?.collisions ?? []].flat()
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
    return orThrow(await operations.createRelyingParty({ tenantId, name, namespaces }))
  },
  'origin change': async (operations, { values }) => {
    const change = await operations.changeOrigin(readOrigin(values.to))
    if (isRefusal(change)) throw new CommandError(change.hint ?? change.refused)
    return change
  },
  'keys list': async (operations, { values }) =>
    operations.listApiKeys(await tenantOf(operations, values.tenant)),
  'keys create': createKey,
  async 'keys rotate'(operations, { positionals: [, , id = ''], values }) {
    if (!isId('apiKey', id)) throw new CommandError('Name the key: countersign keys rotate key_...')
    const credential = await operations.findApiKey(id)
    if (!credential) throw new CommandError(`There is no key ${id}`)
    const expiresAt = readDate(values['expires-at'])
    const rotation = await operations.rotateApiKey({
      tenantId: credential.key.tenantId,
      id,
      ...readOverlap(values['overlap-seconds']),
      ...(expiresAt && { expiresAt }),
    })
    if (isRefusal(rotation)) {
      throw new CommandError(
        rotation.refused === 'rotation_under_way'
          ? 'Two keys of this lineage are live; revoke the old one, or wait until it ends'
          : `The key ${id} is expired or revoked; create a new one`,
      )
    }
    return {
      ...rotation.key,
      secret: rotation.secret,
      previousExpiresAt: rotation.previous.expiresAt,
    }
  },
  async 'keys revoke'(operations, { positionals: [, , id = ''] }) {
    if (!isId('apiKey', id)) throw new CommandError('Name the key: countersign keys revoke key_...')
    const credential = await operations.findApiKey(id)
    const revokedKey = credential && (await operations.revokeApiKey(credential.key.tenantId, id))
    if (!revokedKey || isRefusal(revokedKey)) throw new CommandError(`There is no key ${id}`)
    return revokedKey
  },
  async 'revocations apply'(operations, _call, terminal) {
    const lines = boundedLines(terminal.input, revocationBytesMax)
    const counts = await operations.applyRevocations(lines)
    if (counts.unreadable > 0) {
      terminal.warn('Some lines are no revocations; check them: they were not applied.')
      terminal.fail()
    }
    return counts
  },
  async 'audit verify'(operations, { values }, terminal) {
    const ids =
      values.tenant || values.keys
        ? [await tenantOf(operations, values.tenant)]
        : (await operations.listTenants()).map(({ id }) => id)
    return await verifyAudits(operations, ids, values, terminal)
  },
  async 'integrations create'(operations, call, { warn }) {
    const tenantId = await tenantOf(operations, call.values.tenant)
    const rpId = await partyOf(operations, tenantId, call.values['relying-party'])
    const order = readIntegration(call, rpId)
    const integration = orThrow(await operations.createIntegration(tenantId, order))
    const issuer = operations.oidcIssuerOf(tenantId)
    const warning = originWarning(issuer)
    if (warning !== undefined) warn(warning)
    return setupRows(integration, issuer)
  },
  async 'integrations test'(operations, { positionals, values }, { fail }) {
    const id = readIntegrationId(positionals[2])
    const result = await operations.testConnection(await tenantOf(operations, values.tenant), id)
    if (isRefusal(result)) {
      throw new CommandError(result.hint ?? `There is no integration ${id} in this tenant`)
    }
    if (!result.passed) fail()
    return values.json ? result : testRows(result)
  },
  async 'oidc-keys rotate'(operations, { values }) {
    const rotation = await operations.rotateOidcKeys(await tenantOf(operations, values.tenant))
    if (!isRefusal(rotation)) return rotation
    throw new CommandError(
      rotation.refused === 'not_found'
        ? 'The tenant has no such keys yet: its first integration of this kind makes them'
        : 'Other keys wait for their time already: clients need two days to read them',
    )
  },
  'web-push-key rotate': async (operations) => orThrow(await operations.rotateWebPushKey()),
  async 'signing-keys rotate'(operations, { values }) {
    const rotation = await operations.rotateSigningKey(await tenantOf(operations, values.tenant))
    if (isRefusal(rotation))
      throw new CommandError('Another rotation came first; check before you repeat it')
    return rotation
  },
}

function print({ say }: Terminal, result: unknown, json: boolean): void {
  if (json) {
    say(JSON.stringify(result))
    return
  }
  for (const row of Array.isArray(result) ? result : [result]) {
    const members = Object.entries(row as Record<string, unknown>)
    const width = Math.max(14, ...members.map(([name]) => name.length))
    for (const [name, value] of members) {
      const text = value instanceof Date ? value.toISOString() : value
      const cell = Array.isArray(text) ? text.join(', ') : (text ?? '-')
      say(`${name.padEnd(width)} ${spellOutHidden(String(cell))}`)
    }
    say('')
  }
}

/**
 * Runs one of the commands that `isCommand` knows, and prints its result; throws the error for the
 * operator.
 */
export async function run(config: Config, call: CommandCall, terminal: Terminal): Promise<void> {
  const log = pino(loggerOptions('warn'), pino.destination(2))
  const name = call.positionals.slice(0, 2).join(' ')
  if (name === 'migrate') {
    const database = await openMigratedDatabase(config, log)
    await database.close()
    const { appliedMigrations } = database
    const last = appliedMigrations.at(-1)
    if (last) terminal.say(`${appliedMigrations.length} migrations applied, the last ${last}.`)
    terminal.say('The database is up to date.')
    return
  }
  const command = commands[name]
  if (!command) throw new Error(`the usage lists a command that does not exist: ${name}`)
  const publicOrigin = config.publicOrigin ?? `http://localhost:${config.port}`
  // An operator who changes the origin may have set the new one already.
  const anyOrigin = name === 'origin change'
  const operations = await openOperations(config, publicOrigin, log, { anyOrigin })
  try {
    print(terminal, await command(operations, call, terminal), call.values.json)
    if (name === 'keys revoke' && config.revocationLog === '-') terminal.warn(keepTheLine)
  } finally {
    await operations.close()
  }
}
