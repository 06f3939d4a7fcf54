// The command-line syntax of the operator's commands.

import { parseArgs } from 'node:util'
import { defaultScopes, scopes } from '../../domain/scope.ts'
import { StartFault } from '../start-fault.ts'

/** A command that cannot be carried out; printed without a stack. */
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
  'entra-tenant': { type: 'string' },
  application: { type: 'string' },
  cloud: { type: 'string' },
  'redirect-uri': { type: 'string', multiple: true },
  'client-authentication': { type: 'string' },
  'bare-login-hint': { type: 'boolean', default: false },
  'allow-enrollment': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** The parsed command line after `countersign`. */
export type CommandCall = ReturnType<typeof parseCommand>

/** Parses the command line; throws `CommandError` with the usage for an unknown option. */
export function parseCommand(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true })
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
  integrations create entra-external-mfa --name NAME --entra-tenant GUID --application GUID
              [--cloud CLOUD] [--allow-enrollment] [--relying-party ID] [--namespace NS]
              [--tenant ID]
  integrations create oidc-code --name NAME --redirect-uri URI [--redirect-uri URI ...]
              [--client-authentication WAY] [--keys FILE] [--bare-login-hint] [--namespace NS]
              [--allow-enrollment] [--allow-address IP_OR_CIDR ...] [--relying-party ID]
              [--tenant ID]
  integrations test INTEGRATION_ID [--tenant ID]
                                            walk a sign-in without its client (exit code 1)
  oidc-keys rotate [--tenant ID]            the next keys of ID tokens; they sign two days later
  signing-keys rotate [--tenant ID]
  web-push-key rotate                       the next key for pushes to browsers; old ones stay
  origin change --to ORIGIN                 change PUBLIC_ORIGIN: phones must enroll again
  revocations apply < FILE                  apply the revocation log again after a restore
  audit verify [--tenant ID] [--heads FILE] [--keys FILE]
                                            detect tampering with the audit record (exit code 1)`

export const usage = `Usage: countersign <command> [options]

${calls}

--tenant may be left out while there is only one tenant. --json prints JSON.
After a command --help explains its options.
Scopes: ${scopes.join(', ')} (default: ${defaultScopes.join(', ')})
The configuration is read from the environment, as by the service: docs/configuration.md`

const meanings: Readonly<Record<string, string>> = {
  '--name': 'display name',
  '--identifier-case':
    'exact, or fold_ascii: A to Z of mail-shaped identifiers count as a to z, as in new tenants',
  '--namespace':
    'kind of user names that it may use, such as entra or mail; the first is its default',
  '--relying-party':
    'id of the relying party, from: countersign relying-parties list; may be left out while ' +
    'there is only one, or none yet',
  '--scope': `the scopes of the key: ${scopes.join(', ')}; default: ${defaultScopes.join(', ')}`,
  '--expires-at': 'time after which it is refused, such as 2030-01-31T00:00:00Z; default: never',
  '--allow-address': 'accept the key only from these addresses; default: from everywhere',
  '--overlap-seconds': 'how long the former key stays valid',
  '--to':
    'the new origin of the service for phones and relying parties, such as ' +
    'https://approve.example.com',
  '--heads': 'file with signed heads and checkpoints stored elsewhere, such as a log',
  '--keys':
    'file with public keys (JSON Web Key Set): of a client that signs; or those of one tenant, ' +
    'stored elsewhere, and no other key is trusted',
  '--entra-tenant': 'id of the Entra tenant (Overview, Tenant ID)',
  '--application': 'id of the app registration there that stands for Countersign',
  '--cloud': 'cloud of the Entra tenant: global, us_government or china; default: global',
  '--redirect-uri': 'address to which an answer may go, exactly',
  '--client-authentication':
    'private_key_jwt, client_secret_basic or client_secret_post; default: private_key_jwt',
  '--bare-login-hint': 'permits a name that nobody signed; weaker: the browser can change it',
  '--allow-enrollment':
    'lets a user without any second factor enroll a first device on the page, in an open ' +
    'enrollment window or by a temporary code; default: nobody enrolls there',
  '--tenant': 'id of the tenant; may be left out while there is only one',
}

/**
 * A command with its options explained, or all commands of one group; undefined for an unknown one.
 */
export function usageOf(command: string): string | undefined {
  const matchingCalls = calls
    .split(/\n(?= {2}\S)/)
    .filter((one) => one.startsWith(`  ${command} `) || one === `  ${command}`)
  if (command === '' || matchingCalls.length === 0) return undefined
  if (matchingCalls.length > 1) {
    return [
      'Usage: countersign <command> [options]',
      '',
      ...matchingCalls,
      '',
      'After a command --help explains its options.',
    ].join('\n')
  }
  const call = matchingCalls.join('')
  const lines = Object.entries(meanings)
    .filter(([option]) => call.includes(`${option} `) || call.includes(`${option}]`))
    .map(([option, meaning]) => `  ${option.padEnd(18)} ${meaning}`)
  return [
    `Usage: countersign ${call.trim()}`,
    '',
    ...lines,
    `  ${'--json'.padEnd(18)} print JSON`,
  ].join('\n')
}

/** Whether this text names one command. */
export function isCommand(command: string): boolean {
  const namePattern = /^ {2}([a-z-]+(?: [a-z-]+)?)(?: |$)/
  return calls.split('\n').some((line) => namePattern.exec(line)?.[1] === command)
}

const requiredOptions: Readonly<Record<string, readonly string[]>> = {
  'tenants create': ['name'],
  'tenants change': ['identifier-case'],
  'relying-parties create': ['name', 'namespace'],
  'keys create': ['name'],
  'integrations create': ['name'],
  'origin change': ['to'],
}

/** The required options of this command that were not given. */
export function missingOptions(
  command: string,
  values: Readonly<Record<string, unknown>>,
): string[] {
  return (requiredOptions[command] ?? []).filter((name) => !values[name]).map((name) => `--${name}`)
}
