import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { createTlsCredentials, type TlsCredentials } from './certificates.ts'

/**
 * One APNs authentication key as Apple's developer portal issues it: the `.p8` text and its ids.
 */
export type ApnsCredentials = {
  readonly keyPem: string
  readonly keyId: string
  readonly teamId: string
  /** The apps of the team; a push to any other topic is `TopicDisallowed`. */
  readonly bundleIds: readonly string[]
}

/** The fields of a Google service account's JSON file, with its own names. */
export type ServiceAccount = {
  readonly type: 'service_account'
  readonly project_id: string
  readonly private_key_id: string
  readonly private_key: string
  readonly client_email: string
  readonly client_id: string
  readonly auth_uri: string
  readonly token_uri: string
  readonly universe_domain: string
}

/**
 * Everything a client needs for access. Given to another simulator, it makes a gateway that the
 * same client still trusts.
 */
export type SimulatorCredentials = {
  readonly tls: TlsCredentials
  readonly apns: ApnsCredentials
  readonly fcm: { readonly serviceAccount: ServiceAccount }
}

const createKeyPair = promisify(generateKeyPair)
const ID_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

function createAppleId(): string {
  return [...randomBytes(10)].map((byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join('')
}

/**
 * A P-256 key in PKCS #8 (RFC 5958), the form of Apple's `.p8` files, under fresh ten-character
 * ids.
 */
export async function createApnsCredentials(
  bundleIds: readonly string[],
): Promise<ApnsCredentials> {
  const { privateKey } = await createKeyPair('ec', { namedCurve: 'prime256v1' })
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { keyPem, keyId: createAppleId(), teamId: createAppleId(), bundleIds }
}

/** A service account of the given project with a fresh RSA key. */
export async function createServiceAccount(projectId: string): Promise<ServiceAccount> {
  const { privateKey } = await createKeyPair('rsa', { modulusLength: 2048 })
  return {
    type: 'service_account',
    project_id: projectId,
    private_key_id: randomBytes(20).toString('hex'),
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    client_email: `push@${projectId}.iam.gserviceaccount.com`,
    client_id: '100000000000000000001',
    auth_uri: 'https://accounts.google.com/o/oauth2/auth',
    token_uri: 'https://oauth2.googleapis.com/token',
    universe_domain: 'googleapis.com',
  }
}

/** Fresh credentials of every kind; nothing in them outlives the process that holds them. */
export async function createCredentials(
  bundleIds: readonly string[],
  projectId: string,
): Promise<SimulatorCredentials> {
  const [tls, apns, serviceAccount] = await Promise.all([
    createTlsCredentials(),
    createApnsCredentials(bundleIds),
    createServiceAccount(projectId),
  ])
  return { tls, apns, fcm: { serviceAccount } }
}
