import { z } from 'zod'
import { appProvider } from '../platform/http/schemas/enumerations.ts'
import { shownId } from '../platform/http/schemas/ids.ts'
import { mobileAppId } from '../platform/http/schemas/mobile-app-id.ts'
import { wholeList } from '../platform/http/schemas/paging.ts'
import { showable, shownText } from '../platform/http/schemas/text.ts'
import { timestamp } from '../platform/http/schemas/time.ts'

const name = showable(64, { description: 'What admins call the app.', example: 'Larkfield Key' })

const pem = z
  .string()
  .max(8192)
  .regex(/-----BEGIN (EC |RSA )?PRIVATE KEY-----[\s\S]+-----END/)
  .meta({ example: '-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n' })

// The file is accepted as Google gives it; these members of it are not stored.
const unusedText = z.string().max(512).exactOptional()
const unusedOfGoogle = {
  type: unusedText,
  client_id: unusedText,
  auth_uri: unusedText,
  token_uri: unusedText,
  auth_provider_x509_cert_url: unusedText,
  client_x509_cert_url: unusedText,
  universe_domain: unusedText,
}

const tenCharacters = z.string().regex(/^[A-Z0-9]{10}$/)

const credentials = z
  .discriminatedUnion('provider', [
    z.strictObject({
      provider: z.literal('apns'),
      apns: z.strictObject({
        pem: pem.meta({ description: 'The .p8 key as Apple gave it.' }),
        keyId: tenCharacters.meta({ example: 'ABC123DEFG' }),
        teamId: tenCharacters.meta({ example: 'DEF123GHIJ' }),
      }),
    }),
    z.strictObject({
      provider: z.literal('fcm'),
      fcm: z
        .strictObject({
          ...unusedOfGoogle,
          project_id: z.string().regex(/^[a-z0-9][a-z0-9:.-]{0,127}$/),
          client_email: z.email().max(320),
          private_key: pem,
          private_key_id: z.string().min(1).max(128),
        })
        .meta({
          description:
            'The JSON of a Google service account; only the required members are stored.',
        }),
    }),
  ])
  .meta({
    id: 'AppCredentials',
    description:
      'What the provider gave for sending to the app. Sealed at rest, never shown again.',
  })

export const newApp = z
  .strictObject({ appId: mobileAppId, name, credentials })
  .meta({ id: 'NewApp', description: 'A mobile app with its push credentials.' })

export const appChanges = z
  .strictObject({ name: name.exactOptional(), credentials: credentials.exactOptional() })
  .refine((changes) => Object.keys(changes).length > 0, 'must change something')
  .meta({ id: 'AppChanges', description: 'What is new about the app.' })

export const appBody = z
  .object({
    id: shownId('app', 'The app.'),
    provider: appProvider,
    appId: shownText('com.example.auth'),
    name: shownText('Larkfield Key'),
    createdAt: timestamp('When it was added.'),
    updatedAt: timestamp('When it was last changed.'),
  })
  .meta({ id: 'App', description: 'A mobile app of the tenant. Its credentials are never shown.' })

export const appList = wholeList(appBody, 'Apps', 'The apps of the tenant, newest first.')
