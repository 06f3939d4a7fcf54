// Variables that say under which addresses the service and its pages are reached.

import { z } from 'zod'
import { isOriginAlone } from './config-formats.ts'

const originOf = (example: string) =>
  z
    .url({ protocol: /^https?$/, error: `must be an address such as ${example}` })
    .refine(
      isOriginAlone,
      `must be scheme and host alone, without path, query or credentials, such as ${example}`,
    )
    .transform((url) => new URL(url).origin)

/** In the order in which the documentation shows them. */
export const originVariables = {
  PUBLIC_ORIGIN: originOf('https://approve.example.com')
    .optional()
    .describe(
      'Where relying parties and phones reach the service, for example ' +
        '`https://approve.example.com`. Without a path. Part of every issuer and proof, so the ' +
        'database stores it and refuses another; `countersign origin change` changes it, and ' +
        'phones must enroll again. Must be https unless it is localhost. Unset: the stored ' +
        'origin, at first `http://localhost:PORT`.',
    ),
  AUTHENTICATOR_ORIGIN: originOf('https://authenticator.example.com')
    .optional()
    .describe(
      'Where the authenticator in the browser lives, if it has an origin of its own, for example ' +
        '`https://authenticator.example.com`. Passkeys belong to its host: on another one all ' +
        'browsers must enroll again. Must be https unless it is localhost. Unset: the public ' +
        'origin.',
    ),
  WEBAUTHN_RP_ID: z
    .string()
    .regex(
      /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
      'must be a host name in lower case',
    )
    .optional()
    .describe(
      'The domain to which passkeys belong: the host of the authenticator or a parent domain of ' +
        'it, so that they outlive a move to another host of that domain. All of its hosts could ' +
        'then ask for them, so choose one that is all yours. With another one all browsers must ' +
        'enroll again. Unset: the host of the authenticator.',
    ),
}
