// What is entered at the other end of an integration that sends the browser to a page of ours.

import { type EntraCloud, entraRedirectUri } from './entra.ts'
import { type Integration, promptSettingsOf } from './integration.ts'
import type { ClientAuthentication, PromptSettings } from './prompt-settings.ts'

/** Delegated permissions of Microsoft Graph that the application in Entra needs. */
const graphPermissions = ['openid', 'profile'] as const

type Common = {
  readonly clientId: string
  readonly issuer: string
  /** Whole, as Entra wants it. */
  readonly discoveryEndpoint: string
  /** What is done at the other end, in this order; English. */
  readonly steps: readonly string[]
}

/** What is entered at the other end, by its members alone. */
export type IntegrationSetup = Common &
  (
    | {
        readonly kind: 'entra_external_mfa'
        readonly name: string
        readonly applicationId: string
        /** To be registered at the application: our authorization endpoint. */
        readonly replyUrl: string
        /** Where the answer of the bound cloud goes: nothing to enter, but for firewalls. */
        readonly redirectUri: string
        readonly redirectUris: Readonly<Record<EntraCloud, string>>
        readonly graphPermissions: readonly string[]
      }
    | {
        readonly kind: 'oidc_code'
        readonly scope: 'openid'
        readonly redirectUris: readonly string[]
        readonly clientAuthentication: ClientAuthentication
        /** The parameter that says who is asked. */
        readonly personParameter: 'login_hint'
        /** Where the users of those names are. */
        readonly namespace: string
        /** How a request must say it, so that a browser changes nothing of it. */
        readonly requestBinding: 'pushed_or_signed' | 'none_required'
      }
  )

type SettingsOf<Kind extends PromptSettings['kind']> = Extract<
  PromptSettings,
  { readonly kind: Kind }
>

const redirectUris: Readonly<Record<EntraCloud, string>> = {
  global: entraRedirectUri('global'),
  us_government: entraRedirectUri('us_government'),
  china: entraRedirectUri('china'),
}

/** What is to be done for people without a device, where they may add one on the page. */
const enrollmentSteps = ({ enrollmentAllowed }: PromptSettings) =>
  enrollmentAllowed
    ? [
        'A person without a device adds a first one on the page: give them a temporary code ' +
          '(POST /v1/users/{id}/temporary-codes) when you have recognised them',
      ]
    : []

function entraSetup(
  { id, name, namespace }: Integration,
  settings: SettingsOf<'entra_external_mfa'>,
  issuer: string,
): IntegrationSetup {
  const { cloud, applicationId } = settings
  const discoveryEndpoint = `${issuer}/.well-known/openid-configuration`
  const replyUrl = `${issuer}/authorize`
  return {
    ...{ kind: 'entra_external_mfa', clientId: id, issuer, discoveryEndpoint, name },
    ...{ applicationId, replyUrl, redirectUri: redirectUris[cloud], redirectUris },
    graphPermissions,
    steps: [
      `App registration ${applicationId}: add the redirect URI (web) ${replyUrl}. This id must ` +
        'be its Application (client) ID; its Object ID looks alike, and nobody can tell here',
      'There, API permissions: Microsoft Graph, delegated, openid and profile; grant admin consent',
      `Authentication methods, add external method: name "${name}", client ID ${id}, discovery ` +
        `endpoint ${discoveryEndpoint}, app ID ${applicationId}; enable it for the groups that ` +
        'use it',
      'Conditional Access: a policy that grants access with "Require multifactor authentication"',
      `Here: enroll each person under the object ID of Entra, in the namespace ${namespace}`,
      ...enrollmentSteps(settings),
    ],
  }
}

function codeSetup(
  { id, namespace }: Integration,
  settings: SettingsOf<'oidc_code'>,
  issuer: string,
): IntegrationSetup {
  const { bareLoginHintAllowed, clientAuthentication, redirectUris } = settings
  return {
    ...{ kind: 'oidc_code', clientId: id, issuer },
    discoveryEndpoint: `${issuer}/.well-known/openid-configuration`,
    ...{ scope: 'openid', redirectUris, clientAuthentication, personParameter: 'login_hint' },
    ...{ namespace, requestBinding: bareLoginHintAllowed ? 'none_required' : 'pushed_or_signed' },
    steps: [
      `In the client: issuer ${issuer}, client ID ${id}, scope openid, code flow with PKCE (S256)`,
      `login_hint is the name of the person in the namespace ${namespace}`,
      bareLoginHintAllowed
        ? 'login_hint may be in the address, where the browser can change it: pushing the ' +
          'request (PAR) or signing it is safer'
        : 'It pushes its requests (PAR), or signs them: a login_hint in the address is refused',
      'It must compare sub of the ID token with the login_hint of its request, and aud with its ID',
      ...enrollmentSteps(settings),
    ],
  }
}

/**
 * What an admin enters at the other end; null for a kind that sends nobody to a page of ours. Holds
 * nothing secret.
 */
export function integrationSetup(
  integration: Integration,
  issuer: string,
): IntegrationSetup | null {
  const settings = promptSettingsOf(integration.settings)
  if (settings === undefined) return null
  return settings.kind === 'entra_external_mfa'
    ? entraSetup(integration, settings, issuer)
    : codeSetup(integration, settings, issuer)
}
