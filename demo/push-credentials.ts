import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DEFAULT_BUNDLE_ID, type Simulator } from '../simulator/simulator.ts'

/** The app that all phones of the demo run. */
export const appId = DEFAULT_BUNDLE_ID

/**
 * Writes the simulator's keys where the service reads them, as an operator stores those of Apple
 * and Google, and returns the environment that names them.
 */
export async function writePushCredentials(
  { apns, fcm, credentials, caPem }: Simulator,
  folder: string,
): Promise<Record<string, string>> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const keep = async (name: string, text: string) => {
    const file = path.join(folder, name)
    await writeFile(file, text, { mode: 0o600 })
    return file
  }
  const authority = await keep('authority.pem', caPem)
  return {
    APNS_KEY_FILE: await keep('apns.p8', credentials.apns.keyPem),
    APNS_KEY_ID: credentials.apns.keyId,
    APNS_TEAM_ID: credentials.apns.teamId,
    APNS_BUNDLE_ID: appId,
    APNS_ADDRESS: `${apns.host}:${apns.port}`,
    APNS_CA_FILE: authority,
    FCM_SERVICE_ACCOUNT_FILE: await keep(
      'service-account.json',
      JSON.stringify(credentials.fcm.serviceAccount),
    ),
    FCM_APP_ID: appId,
    FCM_ADDRESS: `${fcm.host}:${fcm.port}`,
    FCM_CA_FILE: authority,
  }
}
