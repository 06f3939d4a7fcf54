// How the operator's commands are called.

import { parseArgs } from 'node:util'
import { defaultScopes, scopes } from './domain/scope.ts'
import { StartFault } from './start-fault.ts'

/** Something the operator asked for cannot be done; printed without a stack. */
export class CommandError extends StartFault {}

const options = {
  name: { type: 'string' },
  tenant: { type: 'string' },
  'identifier-case': { type: 'string' },
  namespace: { type: 'string', multiple: true },
  'relying-party': { type: 'string' },
  scope: { type: 'string', multiple: true },
  'expires-at': { type: 'string' },
  'allow-address': { type: 'string', multiple: true },
  'overlap-seconds': { type: 'string' },
  to: { type: 'string' },
  heads: { type: 'string' },
  keys: { type: 'string' },
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
  tenants change --identifier-case CASE [--tenant ID]
  relying-parties list [--tenant ID]
  relying-parties create --name NAME --namespace NS [--namespace NS ...] [--tenant ID]
  keys list [--tenant ID]
  keys create --name NAME [--relying-party ID] [--scope SCOPE ...] [--expires-at RFC3339]
              [--allow-address IP_OR_CIDR ...] [--tenant ID]
  keys rotate KEY_ID [--overlap-seconds N] [--expires-at RFC3339]
  keys revoke KEY_ID
  signing-keys rotate [--tenant ID]
  origin change --to ORIGIN                 change PUBLIC_ORIGIN for good: phones must enroll anew
  revocations apply < FILE                  revoke again after a restore what the revocation log says
  audit verify [--tenant ID] [--heads FILE] [--keys FILE]
                                            find where the audit record was touched; ends with 1 if it was`

export const usage = `Usage: countersign <command> [options]

${calls}

--tenant may be left out while there is only one tenant. --json prints JSON. After a command --help says what its options are.
Scopes: ${scopes.join(', ')} (default: ${defaultScopes.join(', ')})
The configuration is read from the environment, as by the service: docs/configuration.md`

const meanings: Readonly<Record<string, string>> = {
  '--name': 'what people call it',
  '--identifier-case':
    'exact, or fold_ascii: A to Z of mail-shaped identifiers count as a to z, as in new tenants',
  '--namespace':
    'kind of user names that it may use, such as entra or mail; the first is the one it need not name',
  '--relying-party':
    'id of the relying party, from: countersign relying-parties list; may be left out while there is only one, or nothing at all yet',
  '--scope': `what the key may do: ${scopes.join(', ')}; without it ${defaultScopes.join(', ')}`,
  '--expires-at': 'time after which it is refused, such as 2030-01-31T00:00:00Z; without it never',
  '--allow-address': 'only from these addresses; without it from everywhere',
  '--overlap-seconds': 'how long the former key goes on',
  '--to':
    'the origin under which phones and relying parties are to know the service, such as https://approve.example.com',
  '--heads': 'file with signed heads and checkpoints that were kept apart, such as a log',
  '--keys':
    'file with the public keys of one tenant (its jwks.json) that was kept apart: no other key is believed',
  '--tenant': 'id of the tenant; may be left out while there is only one',
}

/** A command with the meaning of its options, or all commands about one thing; undefined for what is not there. */
export function usageOf(command: string): string | undefined {
  const named = calls
    .split(/\n(?= {2}\S)/)
    .filter((one) => one.startsWith(`  ${command} `) || one === `  ${command}`)
  if (command === '' || named.length === 0) return undefined
  if (named.length > 1) {
    return `Usage: countersign <command> [options]\n\n${named.join('\n')}\n\nAfter a command --help says what its options are.`
  }
  const call = named.join('')
  const lines = Object.entries(meanings)
    .filter(([option]) => call.includes(`${option} `))
    .map(([option, meaning]) => `  ${option.padEnd(18)} ${meaning}`)
  return [
    `Usage: countersign ${call.trim()}`,
    '',
    ...lines,
    `  ${'--json'.padEnd(18)} print JSON`,
  ].join('\n')
}

/** Whether these words name one command. */
export function isCommand(command: string): boolean {
  const named = /^ {2}([a-z-]+(?: [a-z-]+)?)(?: |$)/
  return calls.split('\n').some((line) => named.exec(line)?.[1] === command)
}

const needed: Readonly<Record<string, readonly string[]>> = {
  'tenants create': ['name'],
  'tenants change': ['identifier-case'],
  'relying-parties create': ['name', 'namespace'],
  'keys create': ['name'],
  'origin change': ['to'],
}

/** The options that this command cannot do without and was not given. */
export function missingOptions(
  command: string,
  given: Readonly<Record<string, unknown>>,
): string[] {
  return (needed[command] ?? []).filter((name) => !given[name]).map((name) => `--${name}`)
}
