// What a provider says about itself (OpenID Connect Discovery, 3). One document serves both kinds
// of clients: Entra reads what it needs of it.

import { acrValues } from '../../domain/id-token.ts'
import { oidcAlgorithms } from '../../domain/oidc-key.ts'
import { clientAlgorithms, clientAuthentications } from '../../domain/prompt-settings.ts'

/** The document of an issuer, whose languages are those of the pages. */
export function discoveryOf(issuer: string, languages: readonly string[]) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    pushed_authorization_request_endpoint: `${issuer}/par`,
    jwks_uri: `${issuer}/jwks`,
    scopes_supported: ['openid'],
    response_types_supported: ['code', 'id_token'],
    response_modes_supported: ['query', 'form_post'],
    grant_types_supported: ['authorization_code', 'implicit'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: oidcAlgorithms,
    token_endpoint_auth_methods_supported: clientAuthentications,
    token_endpoint_auth_signing_alg_values_supported: clientAlgorithms,
    request_object_signing_alg_values_supported: clientAlgorithms,
    code_challenge_methods_supported: ['S256'],
    acr_values_supported: acrValues,
    claim_types_supported: ['normal'],
    claims_supported: ['sub', 'preferred_username', 'acr', 'amr', 'auth_time', 'nonce'],
    claims_parameter_supported: true,
    request_parameter_supported: true,
    request_uri_parameter_supported: false,
    require_pushed_authorization_requests: false,
    authorization_response_iss_parameter_supported: true,
    ui_locales_supported: languages,
  }
}
