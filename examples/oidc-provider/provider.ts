// npm oidc-provider with CIBA: Countersign is the authentication device.

import { generateKeyPairSync } from 'node:crypto'
import Provider, { type Configuration, errors } from 'oidc-provider'
import type { Result } from '../../clients/typescript/src/client.ts'
import type { Approvals } from './approvals.ts'
import { digitsIn } from './binding-message.ts'
import { errorFor } from './refusals.ts'

/** The users of this identity provider, and the client that may ask. */
export type Directory = {
  readonly people: readonly string[]
  readonly client: { readonly id: string; readonly secret: string; readonly name: string }
}

type Ciba = NonNullable<NonNullable<Configuration['features']>['ciba']>

const grantType = 'urn:openid:params:grant-type:ciba'
/** Shows applications how the user was verified; replace it with your own. */
const acr = 'urn:example:countersign-push'
const tokenSeconds = 600
/** The limits of Countersign for a challenge. */
const ttlSeconds = { min: 15, usual: 120, max: 600 }

/**
 * An identity provider that asks `approvals`. Its keys and its store are in memory: see the notes
 * of oidc-provider on production.
 */
export function createProvider(issuer: string, directory: Directory, approvals: Approvals) {
  const { client, people } = directory
  return new Provider(issuer, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        client_name: client.name,
        grant_types: [grantType],
        response_types: [],
        redirect_uris: [],
        backchannel_token_delivery_mode: 'poll',
      },
    ],
    responseTypes: [],
    scopes: ['openid'],
    acrValues: [acr],
    // Left out of id tokens unless they are listed.
    claims: { openid: ['sub', 'amr', 'acr', 'auth_time'] },
    jwks: { keys: [signingKey()] },
    ttl: {
      AccessToken: tokenSeconds,
      Grant: tokenSeconds,
      IdToken: tokenSeconds,
      BackchannelAuthenticationRequest: (ctx) => expirySeconds(ctx.oidc.params?.requested_expiry),
    },
    findAccount: (_ctx, sub) =>
      people.includes(sub) ? { accountId: sub, claims: () => ({ sub }) } : undefined,
    features: { devInteractions: { enabled: false }, ciba: cibaOver(approvals, people) },
  })
}

function cibaOver(approvals: Approvals, people: readonly string[]): Ciba {
  return {
    enabled: true,
    deliveryModes: ['poll'],
    processLoginHint: (_ctx, hint) => (hint && people.includes(hint) ? hint : undefined),
    processLoginHintToken: () => {
      throw new errors.InvalidRequest('login_hint_token is not supported')
    },
    verifyUserCode: (_ctx, _account, userCode) => {
      if (userCode) throw new errors.InvalidRequest('user_code is not supported')
    },
    validateRequestContext: (_ctx, requestContext) => {
      if (requestContext) throw new errors.InvalidRequest('request_context is not supported')
    },
    validateBindingMessage: (_ctx, bindingMessage) => {
      if (digitsIn(bindingMessage) === undefined) {
        throw new errors.InvalidBindingMessage(
          'binding_message must hold one number of 6 to 8 digits',
        )
      }
    },
    triggerAuthenticationDevice: async (_ctx, request, account, client) => {
      const bindingMessage = String(request.params?.binding_message)
      const fields = [{ label: 'Message', value: bindingMessage }]
      await approvals
        .ask({
          requestId: request.jti,
          user: account.accountId,
          digits: digitsIn(bindingMessage) ?? '',
          ttlSeconds: request.expiration,
          context: { application: client.clientName ?? client.clientId, action: 'Sign in', fields },
          initiator: `client:${client.clientId}`,
        })
        .catch((error: unknown) => {
          throw errorFor(error)
        })
    },
  }
}

/**
 * Passes the decision to the waiting client; does nothing when the client has it already, or no
 * longer waits.
 */
export async function settle(provider: Provider, requestId: string, result: Result): Promise<void> {
  const request = await provider.BackchannelAuthenticationRequest.find(requestId)
  if (!request || request.consumed || request.isExpired || request.grantId || request.error) return
  if (result.decision === 'approved') {
    const { accountId = '', clientId = '', scope = '' } = request
    const grant = new provider.Grant({ accountId, clientId })
    grant.addOIDCScope(scope)
    await grant.save()
    await provider.backchannelResult(request, grant, {
      acr,
      ...(result.amr && { amr: [...result.amr] }),
      ...(result.auth_time !== undefined && { authTime: result.auth_time }),
    })
  } else {
    const isExpired = result.decision === 'expired'
    await provider.backchannelResult(
      request,
      new errors[isExpired ? 'ExpiredToken' : 'AccessDenied'](),
    )
  }
}

function expirySeconds(requestedExpiry: unknown): number {
  const seconds = requestedExpiry === undefined ? ttlSeconds.usual : Number(requestedExpiry)
  return Math.min(Math.max(seconds, ttlSeconds.min), ttlSeconds.max)
}

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }
}
