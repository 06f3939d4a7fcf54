// countersign integrations create: doors that send the browser to a page of ours, and what is to be
// entered at the other end.

import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { RelyingPartyId } from '../../domain/ids.ts'
import type { IntegrationSettings } from '../../domain/integration.ts'
import { type IntegrationSetup, integrationSetup } from '../../domain/integration-setup.ts'
import { givenSettings } from '../../doors/integration-settings.schemas.ts'
import type { IntegrationWithSecret } from '../../doors/integrations.ts'
import { type CommandCall, CommandError } from './cli-usage.ts'

type Values = CommandCall['values']

/** What the operator has given for an integration. */
export type IntegrationOrder = {
  readonly rpId: RelyingPartyId
  readonly name: string
  readonly settings: IntegrationSettings
  readonly namespace?: string
  readonly allowedAddresses?: readonly string[]
}

/** What is printed: rows to paste, and what is to be done with them. */
type Row = Readonly<Record<string, unknown>>

/** The public keys of a client in a file (RFC 7517). */
function readJwks(file: string | undefined): unknown {
  if (file === undefined) return undefined
  try {
    const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { readonly keys: unknown }
    if (Array.isArray(keys)) return keys
  } catch {
    throw new CommandError(`--keys: ${file} cannot be read as a JSON Web Key Set`)
  }
  throw new CommandError(`--keys: ${file} holds no keys`)
}

const assertGiven = (values: Values, names: readonly (keyof Values & string)[]) => {
  const missing = names.filter((name) => values[name] === undefined)
  if (missing.length === 0) return
  throw new CommandError(`${missing.map((name) => `--${name}`).join(' and ')} must be given`)
}

function entraSettings(values: Values): object {
  assertGiven(values, ['entra-tenant', 'application'])
  return {
    kind: 'entra_external_mfa',
    entraTenantId: values['entra-tenant'],
    applicationId: values.application,
    ...(values.cloud !== undefined && { cloud: values.cloud }),
    ...(values['allow-enrollment'] && { enrollmentAllowed: true }),
  }
}

function codeSettings(values: Values): object {
  assertGiven(values, ['redirect-uri'])
  const jwks = readJwks(values.keys)
  const authentication = values['client-authentication']
  return {
    kind: 'oidc_code',
    redirectUris: values['redirect-uri'],
    ...(authentication !== undefined && { clientAuthentication: authentication }),
    ...(jwks !== undefined && { jwks }),
    ...(values['bare-login-hint'] && { bareLoginHintAllowed: true }),
    ...(values['allow-enrollment'] && { enrollmentAllowed: true }),
  }
}

const kinds: Readonly<Record<string, (values: Values) => object>> = {
  'entra-external-mfa': entraSettings,
  'oidc-code': codeSettings,
}

/** The option that a member of the settings comes from, for the message of a fault. */
const optionOf: Readonly<Record<string, string>> = {
  entraTenantId: '--entra-tenant takes the id of the Entra tenant',
  applicationId: '--application takes the Application (client) ID of the app registration',
  cloud: '--cloud takes global, us_government or china',
  clientAuthentication:
    '--client-authentication takes private_key_jwt, client_secret_basic or client_secret_post',
  redirectUris: '--redirect-uri takes an address of at most 2,048 characters, 20 times at most',
  jwks: '--keys takes public keys only: P-256, or RSA of 2,048 to 4,096 bits, each with a kid',
}

/** The integration that the operator orders; throws what is wrong with it. */
export function readIntegration(
  { positionals, values }: CommandCall,
  rpId: RelyingPartyId,
): IntegrationOrder {
  const read = kinds[positionals[2] ?? '']
  if (!read) {
    throw new CommandError(
      `Name the kind: countersign integrations create ${Object.keys(kinds).join(' | ')}`,
    )
  }
  const settings = givenSettings.safeParse(read(values))
  if (!settings.success) {
    const faults = settings.error.issues.map(({ path: [member], message }) => {
      const option = optionOf[String(member)]
      return option === undefined ? z.prettifyError(settings.error) : `${option}: ${message}`
    })
    throw new CommandError([...new Set(faults)].join('\n'))
  }
  return {
    ...{ rpId, name: values.name ?? '', settings: settings.data },
    ...(values.namespace?.[0] !== undefined && { namespace: values.namespace[0] }),
    ...(values['allow-address'] && { allowedAddresses: values['allow-address'] }),
  }
}

const numberedRows = (name: string, texts: readonly string[]) =>
  Object.fromEntries(texts.map((text, n) => [`${name} ${n + 1}`, text]))

function rowsOf(setup: IntegrationSetup): Row {
  const { steps, ...members } = setup
  if (members.kind !== 'entra_external_mfa') return { ...members, ...numberedRows('step', steps) }
  const { redirectUris, ...rest } = members
  const uris = Object.entries(redirectUris).map(([cloud, uri]) => [`redirectUri ${cloud}`, uri])
  return { ...rest, ...Object.fromEntries(uris), ...numberedRows('step', steps) }
}

/** What the operator enters at the other end, and in which order. */
export function setupRows({ integration, secret }: IntegrationWithSecret, issuer: string): Row {
  const { id, name, rpId, namespace } = integration
  const setup = integrationSetup(integration, issuer)
  return {
    ...{ id, name, rpId, namespace },
    ...(setup && rowsOf(setup)),
    ...(secret !== null && { clientSecret: secret }),
  }
}

/** What a browser or Entra will not do with this origin; undefined where it can be used. */
export function originWarning(issuer: string): string | undefined {
  return issuer.startsWith('https:')
    ? undefined
    : 'WARNING: PUBLIC_ORIGIN is not https: Entra and most clients refuse such a provider.'
}
