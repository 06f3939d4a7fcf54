// countersign integrations create: doors that send the browser to a page of ours, and what is to be
// entered at the other end.

import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { entraRedirectUri } from '../../domain/entra.ts'
import type { RelyingPartyId } from '../../domain/ids.ts'
import type { Integration, IntegrationSettings } from '../../domain/integration.ts'
import type { PromptSettings } from '../../domain/prompt-settings.ts'
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
  }
}

const kinds: Readonly<Record<string, (values: Values) => object>> = {
  'entra-external-mfa': entraSettings,
  'oidc-code': codeSettings,
}

/** The option that a member of the settings comes from, for the message of a fault. */
const optionOf: Readonly<Record<string, string>> = {
  entraTenantId: '--entra-tenant takes the id of the Entra tenant, a GUID',
  applicationId: '--application takes the id of the application, a GUID',
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
    const faults = settings.error.issues.map(({ path: [member] }) => optionOf[String(member)])
    const lines = [...new Set(faults.filter((one) => one !== undefined))]
    throw new CommandError(lines.length > 0 ? lines.join('\n') : z.prettifyError(settings.error))
  }
  return {
    ...{ rpId, name: values.name ?? '', settings: settings.data },
    ...(values.namespace?.[0] !== undefined && { namespace: values.namespace[0] }),
    ...(values['allow-address'] && { allowedAddresses: values['allow-address'] }),
  }
}

const stepRows = (steps: readonly string[]) =>
  Object.fromEntries(steps.map((text, n) => [`step ${n + 1}`, text]))

function entraRows(
  { id, name, namespace }: Integration,
  { cloud, applicationId }: Extract<PromptSettings, { kind: 'entra_external_mfa' }>,
  issuer: string,
): Row {
  const discoveryUrl = `${issuer}/.well-known/openid-configuration`
  const replyUrl = `${issuer}/authorize`
  return {
    clientId: id,
    discoveryUrl,
    applicationId,
    replyUrl,
    answersGoTo: entraRedirectUri(cloud),
    ...stepRows([
      `App registration ${applicationId}: add the redirect URI (web) ${replyUrl}`,
      'There, API permissions: Microsoft Graph, delegated, openid and profile; grant admin consent',
      `Authentication methods, add external method: name "${name}", client ID ${id}, discovery ` +
        `endpoint ${discoveryUrl}, app ID ${applicationId}; enable it for the groups that use it`,
      'Conditional Access: a policy that grants access with "Require multifactor authentication"',
      `Here: enroll each person under the object ID of Entra, in the namespace ${namespace}`,
    ]),
  }
}

function codeRows(
  { id, namespace }: Integration,
  settings: Extract<PromptSettings, { kind: 'oidc_code' }>,
  issuer: string,
): Row {
  const { bareLoginHintAllowed, clientAuthentication, redirectUris } = settings
  const binding = bareLoginHintAllowed
    ? 'login_hint may be in the address, where the browser can change it: pushing the request ' +
      '(PAR) or signing it is safer'
    : 'It pushes its requests (PAR), or signs them: a login_hint in the address is refused'
  return {
    clientId: id,
    issuer,
    discoveryUrl: `${issuer}/.well-known/openid-configuration`,
    clientAuthentication,
    redirectUris,
    ...stepRows([
      `In the client: issuer ${issuer}, client ID ${id}, scope openid, code flow with PKCE (S256)`,
      `login_hint is the name of the person in the namespace ${namespace}`,
      binding,
      'It must compare sub of the ID token with the login_hint of its request, and aud with its ID',
    ]),
  }
}

/** What the operator enters at the other end, and in which order. */
export function setupRows({ integration, secret }: IntegrationWithSecret, issuer: string): Row {
  const { id, name, rpId, namespace, settings } = integration
  const common = { id, name, rpId, kind: settings.kind, namespace }
  if (settings.kind === 'entra_external_mfa') {
    return { ...common, ...entraRows(integration, settings, issuer) }
  }
  if (settings.kind !== 'oidc_code') return common
  return {
    ...common,
    ...codeRows(integration, settings, issuer),
    ...(secret !== null && { clientSecret: secret }),
  }
}

/** What a browser or Entra will not do with this origin; undefined where it can be used. */
export function originWarning(issuer: string): string | undefined {
  return issuer.startsWith('https:')
    ? undefined
    : 'WARNING: PUBLIC_ORIGIN is not https: Entra and most clients refuse such a provider.'
}
