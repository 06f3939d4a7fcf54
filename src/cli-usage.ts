// How the operator's commands are called.

import { parseArgs } from 'node:util'
import { defaultScopes, scopes } from './domain/scope.ts'
import { StartFault } from './start-fault.ts'

/** Something the operator asked for cannot be done; printed without a stack. */
export class CommandError extends StartFault {}

const options = {
  name: { type: 'string' },
  tenant: { type: 'string' },
  namespace: { type: 'string', multiple: true },
  'relying-party': { type: 'string' },
  scope: { type: 'string', multiple: true },
  'expires-at': { type: 'string' },
  'allow-address': { type: 'string', multiple: true },
  'overlap-seconds': { type: 'string' },
  heads: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** What was typed after `countersign`. */
export type Given = ReturnType<typeof readWords>

/** Reads what was typed; throws `CommandError` with the usage when an option is none. */
export function readWords(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new CommandError(`${error instanceof Error ? error.message : error}\n\n${usage}`)
  }
}

const calls = `  migrate                                   apply pending migrations
  tenants list
  tenants create --name NAME
  relying-parties list [--tenant ID]
  relying-parties create --name NAME --namespace NS [--namespace NS ...] [--tenant ID]
  keys list [--tenant ID]
  keys create --name NAME --relying-party ID [--scope SCOPE ...] [--expires-at RFC3339]
              [--allow-address IP_OR_CIDR ...] [--tenant ID]
  keys rotate KEY_ID [--overlap-seconds N] [--expires-at RFC3339]
  keys revoke KEY_ID
  signing-keys rotate [--tenant ID]
  revocations apply < FILE                  revoke again after a restore what the revocation log says
  audit verify [--tenant ID] [--heads FILE]   find where the audit record was touched; ends with 1 if it was`

export const usage = `Usage: countersign <command> [options]

${calls}

--tenant may be left out while there is only one tenant. --json prints JSON. After a command --help says what its options are.
Scopes: ${scopes.join(', ')} (default: ${defaultScopes.join(', ')})
The configuration is read from the environment, as by the service: docs/configuration.md`

const meanings: Readonly<Record<string, string>> = {
  '--name': 'what people call it',
  '--namespace':
    'kind of user names that it may use, such as entra or mail; the first is the one it need not name',
  '--relying-party': 'id of the relying party, from: countersign relying-parties list',
  '--scope': `what the key may do: ${scopes.join(', ')}; without it ${defaultScopes.join(', ')}`,
  '--expires-at': 'time after which it is refused, such as 2030-01-31T00:00:00Z; without it never',
  '--allow-address': 'only from these addresses; without it from everywhere',
  '--overlap-seconds': 'how long the former key goes on',
  '--heads': 'file with signed heads that were kept apart, such as a log',
  '--tenant': 'id of the tenant; may be left out while there is only one',
}

/** One command with the meaning of its options; undefined for a command that is not there. */
export function usageOf(command: string): string | undefined {
  const call = calls
    .split(/\n(?= {2}\S)/)
    .find((one) => one.startsWith(`  ${command} `) || one === `  ${command}`)
  if (command === '' || call === undefined) return undefined
  const named = Object.entries(meanings).filter(([option]) => call.includes(`${option} `))
  const lines = named.map(([option, meaning]) => `  ${option.padEnd(18)} ${meaning}`)
  return [
    `Usage: countersign ${call.trim()}`,
    '',
    ...lines,
    `  ${'--json'.padEnd(18)} print JSON`,
  ].join('\n')
}

const needed: Readonly<Record<string, readonly string[]>> = {
  'tenants create': ['name'],
  'relying-parties create': ['name', 'namespace'],
  'keys create': ['name', 'relying-party'],
}

/** The options that this command cannot do without and was not given. */
export function missingOptions(
  command: string,
  given: Readonly<Record<string, unknown>>,
): string[] {
  return (needed[command] ?? []).filter((name) => !given[name]).map((name) => `--${name}`)
}
