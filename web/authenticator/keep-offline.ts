// The worker that opens the app without a network.

type ScriptPolicy = { readonly createScriptURL: (url: string) => string }
type TrustedTypes = {
  readonly createPolicy: (
    name: string,
    rules: { readonly createScriptURL: (url: string) => string },
  ) => ScriptPolicy
}

const worker = '/authenticator/worker.js'

/**
 * Installs it, if the browser takes it. Its address is the only one that the policy of the page
 * lets a script load by name (Trusted Types).
 */
export function keepOffline(): void {
  const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes }
  const policy = trustedTypes?.createPolicy('worker', { createScriptURL: () => worker })
  const address = policy?.createScriptURL(worker) ?? worker
  navigator.serviceWorker?.register(address, { updateViaCache: 'none' }).catch(() => undefined)
}
