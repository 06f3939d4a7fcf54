// The configuration variables. docs/configuration.md is generated from the descriptions here.

import { z } from 'zod'
import { type LinkedApp, linkedAppPattern } from '../domain/app-links.ts'
import {
  address,
  flagless,
  hostAndPort,
  hosts,
  listOf,
  masterKey,
  oneOf,
  proxies,
  proxyAt,
  tenCharacters,
  wholeNumber,
} from './config-formats.ts'
import { originVariables } from './config-origins.ts'

export const roles = ['all', 'api', 'worker'] as const
export type Role = (typeof roles)[number]

/** Every variable, in the order in which the documentation shows them. */
export const variables = {
  ...originVariables,
  HOST: flagless.default('127.0.0.1').describe('Address to listen on; `0.0.0.0` for all.'),
  PORT: wholeNumber(0, 65_535).default(8080).describe('Port to listen on; 0 picks a free one.'),
  ROLE: oneOf(roles)
    .default('all')
    .describe(
      '`api` answers requests, `worker` retries pushes and expires challenges, `all` does both.',
    ),
  STOP_DELAY_SECONDS: wholeNumber(0, 300)
    .default(5)
    .describe(
      'How long the service keeps answering after SIGTERM, not ready and with `Connection: ' +
        'close`, so that load balancers and clients leave before it drains. Set it longer than ' +
        'the interval of their health checks; no delay at a terminal.',
    ),
  TRUST_PROXY: proxies
    .optional()
    .describe(
      'Addresses or CIDR ranges of the proxies in front, separated by commas; only they may ' +
        'set the client address.',
    ),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Lowest level that is logged.'),
  METRICS_TOKEN: z
    .string()
    .min(16, 'must have at least 16 characters')
    .optional()
    .describe('Bearer token for `/metrics`. Unset: `/metrics` answers on loopback only.'),
  API_DOCS: oneOf(['on', 'off'])
    .default('on')
    .describe(
      '`off` serves neither `/docs` nor `/openapi.yaml`, which are the same everywhere and ' +
        'reveal nothing about this installation; the description is `openapi.yaml` of the ' +
        'source.',
    ),
  DATABASE_URL: address(/^postgres(ql)?$/, 'postgresql://user:password@host:5432/database')
    .optional()
    .describe(
      'PostgreSQL 15 or newer. Unset: the service runs its own PostgreSQL under DATA_FOLDER.',
    ),
  DATABASE_SCHEMA: z
    .string()
    .regex(
      /^(?!pg_)(?!information_schema$)[a-z_][a-z0-9_]{0,39}$/,
      'must be lower-case letters, digits and _, at most 40, and no name of PostgreSQL itself',
    )
    .default('public')
    .describe(
      'Schema of the database with all tables; created at the first start if it is missing. ' +
        'Installations in different schemas of one database are independent of each other.',
    ),
  DATABASE_CONNECTIONS: wholeNumber(2, 200)
    .default(16)
    .describe(
      'Maximum number of connections of this process to the database; from 4 on half of them ' +
        'are for sign-ins alone.',
    ),
  DATA_FOLDER: flagless
    .default('.countersign')
    .describe('Folder of the embedded database and the generated master key.'),
  REVOCATION_LOG: flagless
    .optional()
    .describe(
      'File that gets a line for each revocation, to be applied again after a restore; `-` ' +
        'for standard output. Default: `revocations.jsonl` in DATA_FOLDER.',
    ),
  MASTER_KEY: masterKey
    .optional()
    .describe(
      '32 random bytes in base64url that seal secrets at rest. Required with DATABASE_URL; ' +
        'otherwise generated once and stored in `DATA_FOLDER/master.key`.',
    ),
  MASTER_KEY_PREVIOUS: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(masterKey))
    .optional()
    .describe(
      'Former master keys, separated by commas: they open old secrets, and seal nothing any more.',
    ),
  WEBHOOK_NETWORKS: proxies
    .optional()
    .describe(
      'Networks (CIDR, separated by commas) that webhooks may reach although they are not ' +
        'public, for relying parties in your own. Unset: public addresses only.',
    ),
  WEBHOOK_HTTP_HOSTS: hosts
    .optional()
    .describe(
      'Hosts that webhooks may reach by plain http, for development, for example ' +
        '`localhost`; their addresses must be public or in WEBHOOK_NETWORKS. Unset: https only.',
    ),
  WEBHOOK_CA_FILE: flagless
    .optional()
    .describe('PEM file of authorities that webhooks trust in addition to the public ones.'),
  ISSUER_NETWORKS: proxies
    .optional()
    .describe(
      'Networks (CIDR, separated by commas) in which realms of integrations may be although ' +
        'they are not public, for an identity provider of your own. Unset: public addresses ' +
        'only.',
    ),
  ISSUER_HTTP_HOSTS: hosts
    .optional()
    .describe(
      'Hosts of realms that may be reached by plain http, for development; their addresses ' +
        'must be public or in ISSUER_NETWORKS. Unset: https only.',
    ),
  ISSUER_CA_FILE: flagless
    .optional()
    .describe('PEM file of authorities trusted for realms in addition to the public ones.'),
  REDIS_URL: address(/^rediss?$/, 'redis://host:6379')
    .optional()
    .describe(
      'Redis that wakes waiting requests between processes; it may be unreachable. Unset: ' +
        'PostgreSQL does it.',
    ),
  PUSH_PROXY: z
    .url({ protocol: /^http$/, error: 'must be an address such as http://proxy.example.com:3128' })
    .transform(proxyAt)
    .refine(
      (proxy) => proxy !== undefined,
      'must be an address without a path, such as http://user:password@proxy.example.com:3128',
    )
    .optional()
    .describe(
      'HTTP proxy through which push services are reached (by CONNECT), for example ' +
        '`http://proxy.example.com:3128`, with `user:password@` if it requires them. It sees ' +
        'hosts and ports only. Unset: directly.',
    ),
  APNS_KEY: flagless
    .optional()
    .describe('The `.p8` key of the Apple developer portal, as PEM text.'),
  APNS_KEY_FILE: flagless.optional().describe('File with the `.p8` key; instead of APNS_KEY.'),
  APNS_KEY_ID: tenCharacters.optional().describe('The id of the key: ten characters.'),
  APNS_TEAM_ID: tenCharacters.optional().describe('The id of the team: ten characters.'),
  APNS_BUNDLE_ID: flagless
    .optional()
    .describe("The iOS app's bundle id: the app id of its devices."),
  APNS_ADDRESS: hostAndPort
    .optional()
    .describe('`host:port` to connect to instead of Apple; for simulators and proxies.'),
  APNS_CA_FILE: flagless
    .optional()
    .describe('PEM file of the authority that certifies APNS_ADDRESS.'),
  FCM_SERVICE_ACCOUNT: flagless
    .optional()
    .describe('The JSON of a Google service account that may send messages.'),
  FCM_SERVICE_ACCOUNT_FILE: flagless
    .optional()
    .describe('File with that JSON; instead of FCM_SERVICE_ACCOUNT.'),
  FCM_APP_ID: flagless
    .optional()
    .describe("The Android app's package name: the app id of its devices."),
  FCM_ADDRESS: hostAndPort
    .optional()
    .describe('`host:port` to connect to instead of Google; for simulators and proxies.'),
  FCM_CA_FILE: flagless
    .optional()
    .describe('PEM file of the authority that certifies FCM_ADDRESS.'),
  WEB_PUSH_HOSTS: listOf(
    /^((?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+)$/,
    'must be host names in lower case, such as push.example.com or *.example.com, separated by ' +
      'commas',
    ([host = '']) => host,
  )
    .optional()
    .describe(
      'Push services of browsers that may be reached in addition to those of Chrome, Edge, ' +
        'Firefox and Safari, by their host names, separated by commas; `*.` stands for any name ' +
        'below. They must have public addresses.',
    ),
  WEB_PUSH_SUBJECT: z
    .string()
    .regex(
      /^(?:mailto:[^\s<>@,]+@[^\s<>@,]+|https:\/\/[^\s<>]+)$/,
      'must be mailto:name@example.com or an https address',
    )
    .optional()
    .describe(
      'How push services of browsers reach you when something is wrong with your pushes: a ' +
        '`mailto:` or an https address. Unset: PUBLIC_ORIGIN, unless it is local; Apple then ' +
        'refuses pushes.',
    ),
  WEB_PUSH_ADDRESS: hostAndPort
    .optional()
    .describe('`host:port` to connect to instead of push services of browsers; for simulators.'),
  WEB_PUSH_CA_FILE: flagless
    .optional()
    .describe('PEM file of authorities trusted for push services of browsers, too.'),
  ATTESTATION_ANDROID_APPS: listOf(
    /^([A-Za-z][\w.]*):([0-9A-Fa-f]{64})$/,
    'must be package:sha256, separated by commas',
    ([packageName = '', signer = '']) => ({ packageName, signer: signer.toLowerCase() }),
  )
    .optional()
    .describe(
      'Android apps whose key attestations are accepted: `package:sha256` of the certificate ' +
        'that signs the app, in hex, separated by commas; name a package again for a second ' +
        'certificate.',
    ),
  ATTESTATION_APPLE_APPS: listOf(
    /^([A-Z0-9]{10})\.([A-Za-z0-9.-]+)(:development)?$/,
    'must be TEAMID.bundle.id, separated by commas',
    ([teamId = '', bundleId = '', development]) => ({
      teamId,
      bundleId,
      development: development !== undefined,
    }),
  )
    .optional()
    .describe(
      'Apple apps whose App Attest objects are accepted: `TEAMID.bundle.id`, separated by ' +
        'commas; with `:development` appended, builds from a developer’s own machine are ' +
        'accepted, too.',
    ),
  APP_LINKS: listOf(
    linkedAppPattern,
    'must be TEAMID.bundle.id (Apple) and package:sha256 (Android), separated by commas',
    ([appleId, packageName = '', signer = '']): LinkedApp =>
      appleId === undefined ? { packageName, signer } : { appleId },
  )
    .optional()
    .describe(
      'Apps that may open links to the enrollment page, by the files that Apple and Google read ' +
        '(`/.well-known/apple-app-site-association`, `/.well-known/assetlinks.json`): ' +
        '`TEAMID.bundle.id` of Apple apps and `package:sha256` of Android apps, with the digest ' +
        'of the certificate that signs the app, in hex, separated by commas; name a package ' +
        'again for a second certificate. They speak for the whole origin, so list your own apps ' +
        'only. Unset: both answer 404.',
    ),
  ATTESTATION_REVOCATIONS_FILE: flagless
    .optional()
    .describe(
      'File with a copy of `https://android.googleapis.com/attestation/status`, read again ' +
        'when it changes; the service itself fetches nothing. Unset: no certificate counts as ' +
        'revoked.',
    ),
} as const
