// The phone's line to Apple or Google, which the simulator plays.

import type { AcceptedPush, Provider } from '../../../simulator/pushes.ts'

export type PushLine = { readonly setOnline: (isOnline: boolean) => Promise<void> }

const retryMs = 1500

/**
 * Registers the app, under the token that it had before if it had one, and delivers every push from
 * then on. A restarted simulator does not know the token any more; then the app registers again by
 * itself.
 */
export async function openPushLine(
  registration: { readonly provider: Provider; readonly appId: string; readonly token?: string },
  isOnline: () => boolean,
  onPush: (push: AcceptedPush) => void,
): Promise<PushLine & { readonly token: string }> {
  const token = await register(registration)
  const address = `/simulator/phones/${encodeURIComponent(token)}`
  const setOnline = async (online: boolean) => {
    await send('PUT', `${address}/online`, { online })
  }
  await setOnline(isOnline())
  const listen = () => {
    const source = new EventSource(`${address}/pushes`)
    source.addEventListener('push', ({ data }: MessageEvent<string>) => onPush(JSON.parse(data)))
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) return
      setTimeout(async () => {
        await register({ ...registration, token })
          .then(() => setOnline(isOnline()))
          .catch(() => undefined)
        listen()
      }, retryMs)
    })
  }
  listen()
  return { token, setOnline }
}

async function register(registration: {
  readonly provider: Provider
  readonly token?: string
}): Promise<string> {
  const response = await send('POST', '/simulator/phones', registration)
  // In use means that this phone is registered already.
  if (response.status === 409 && registration.token) return registration.token
  if (!response.ok) throw new Error(`the push simulator answered ${response.status}`)
  return ((await response.json()) as { readonly token: string }).token
}

function send(method: string, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(path, { method, headers, body: JSON.stringify(body) })
}
