import { ApnsGateway } from './apns.ts'
import { Browsers } from './browsers.ts'
import { createCredentials, type SimulatorCredentials } from './credentials.ts'
import { Faults } from './faults.ts'
import { GoogleGateway } from './google.ts'
import type { AccessTokens } from './google-oauth.ts'
import { Phones } from './phones.ts'
import { PushLog } from './push-log.ts'
import type { Address } from './tls-listener.ts'
import { WebPushGateway } from './web-push.ts'

/** The options of a simulator. */
export type SimulatorOptions = {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: a free port. */
  readonly apnsPort?: number
  /** Default 0: a free port. */
  readonly fcmPort?: number
  /** Default 0: a free port. */
  readonly webPushPort?: number
  /**
   * Those of an earlier simulator, so that its clients still trust this one; fresh ones by default.
   * They decide bundle ids and project.
   */
  readonly credentials?: SimulatorCredentials
  /** The apps of the APNs team, for fresh credentials. */
  readonly bundleIds?: readonly string[]
  /** The Firebase project, for fresh credentials. */
  readonly projectId?: string
  /** Milliseconds since the epoch; determines token ages, expiry and storage. */
  readonly clock?: () => number
  /** Lifetime of OAuth access tokens; 3599 as with Google. */
  readonly accessTokenLifeSeconds?: number
  /** How many accepted pushes and exchanges the log stores; 10000 by default. */
  readonly logLimit?: number
}

/** A running gateway. */
export type Simulator = {
  /**
   * `https://api.push.apple.com` and its sandbox; the server name that the client uses decides
   * which, an address means either.
   */
  readonly apns: Address
  /** Both `https://fcm.googleapis.com` and `https://oauth2.googleapis.com`, HTTP/1.1 and HTTP/2. */
  readonly fcm: Address
  /** The push services of browsers; the server name decides which of them. */
  readonly webPush: Address
  readonly browsers: Browsers
  readonly caPem: string
  readonly credentials: SimulatorCredentials
  readonly phones: Phones
  readonly faults: Faults
  readonly log: PushLog
  /** OAuth access tokens: `revoke()` revokes all of them. */
  readonly accessTokens: Pick<AccessTokens, 'revoke'>
  /** Sends every APNs client away, in one GOAWAY or in two; requests in flight are answered. */
  goaway(phases: 1 | 2): void
  /** Open APNs connections. */
  apnsConnections(): number
  /** Ends gracefully: APNs clients get a two-phase GOAWAY, open requests a second to finish. */
  close(): Promise<void>
}

/** The bundle id of the app in the examples and tests. */
export const DEFAULT_BUNDLE_ID = 'com.example.authenticator'
/** The Firebase project of the examples and tests. */
const DEFAULT_PROJECT_ID = 'countersign-demo'

/**
 * Starts an APNs and an FCM gateway on loopback that enforce what the real ones document. Throws
 * when a port is in use.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', clock = Date.now } = options
  const credentials =
    options.credentials ??
    (await createCredentials(
      options.bundleIds ?? [DEFAULT_BUNDLE_ID],
      options.projectId ?? DEFAULT_PROJECT_ID,
    ))
  const phones = new Phones(clock)
  const faults = new Faults()
  const log = new PushLog(options.logLimit ?? 10_000)
  const parts = { tls: credentials.tls, phones, faults, log, clock }
  const apnsGateway = new ApnsGateway(parts, credentials.apns)
  const { serviceAccount } = credentials.fcm
  const google = new GoogleGateway(parts, serviceAccount, options.accessTokenLifeSeconds ?? 3599)
  const browsers = new Browsers(clock)
  const webPushGateway = new WebPushGateway(parts, browsers)
  const close = async (): Promise<void> => {
    await Promise.all([apnsGateway.close(), google.close(), webPushGateway.close()])
  }
  const listen = async (): Promise<Pick<Simulator, 'apns' | 'fcm' | 'webPush'>> => ({
    apns: await apnsGateway.listen({ host, port: options.apnsPort ?? 0 }),
    fcm: await google.listen({ host, port: options.fcmPort ?? 0 }),
    webPush: await webPushGateway.listen({ host, port: options.webPushPort ?? 0 }),
  })
  const { apns, fcm, webPush } = await listen().catch(async (error: unknown) => {
    await close()
    throw error
  })
  return {
    apns,
    fcm,
    webPush,
    browsers,
    caPem: credentials.tls.caPem,
    credentials,
    phones,
    faults,
    log,
    accessTokens: google.accessTokens,
    goaway: (phases) => apnsGateway.goaway(phases),
    apnsConnections: () => apnsGateway.connectionCount,
    close,
  }
}
