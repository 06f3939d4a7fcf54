// What the app of a phone has from Google: nothing, or a push token of the simulator.

import type { PushRegistration } from '../../clients/device/src/enrollment.ts'
import { appId } from '../push-credentials.ts'

export type App = { readonly appId: string; readonly push?: PushRegistration }

export const appWithoutPush: App = { appId: 'terminal' }

/**
 * Registers the app of the demo with the simulator at this control address. The phone polls all the
 * same; the pushes to it are in the simulator's log. Throws where no simulator answers.
 */
export async function registerApp(controlUrl: string): Promise<App> {
  const provider = 'fcm'
  const answer = await fetch(new URL('/phones', controlUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ provider, appId }),
  }).catch(() => undefined)
  if (!answer?.ok) throw new Error(`--simulator: no push simulator answers at ${controlUrl}`)
  const { token } = (await answer.json()) as { readonly token: string }
  return { appId, push: { provider, token } }
}
