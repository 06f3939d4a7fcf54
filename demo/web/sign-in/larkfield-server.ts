import type { SignInView } from '../../sign-in-view.ts'

/**
 * A refusal of the company's server, with a text for the user; `isOutage` when Countersign did not
 * answer.
 */
export class ServerRefusal extends Error {
  readonly isOutage: boolean
  readonly retryAfterSeconds: number | null

  constructor(detail: string, isOutage: boolean, retryAfterSeconds: number | null = null) {
    super(detail)
    this.isOutage = isOutage
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The view after `version`; waits for a change. */
export function readView(version: number, signal: AbortSignal): Promise<SignInView> {
  return call(`/api/sign-in?after=${version}`, { signal })
}

export function startSignIn(user: string, password: string): Promise<SignInView> {
  return post('/api/sign-in', { user, password })
}

export type Action =
  | 'push-again'
  | 'cancel'
  | 'leave'
  | 'add-phone'
  | 'unregister'
  | 'unregister-all'

export function act(action: Action, body: object = {}): Promise<SignInView> {
  return post(`/api/sign-in/${action}`, body)
}

function post(path: string, body: object): Promise<SignInView> {
  const headers = { 'content-type': 'application/json' }
  return call(path, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function call(path: string, request: RequestInit): Promise<SignInView> {
  const response = await fetch(path, request).catch(() => {
    throw new ServerRefusal('The demo does not answer. Is it still running?', true)
  })
  if (response.ok) return (await response.json()) as SignInView
  const problem = (await response.json().catch(() => ({}))) as {
    detail?: string
    retryAfterSeconds?: number | null
  }
  const isOutage = response.status >= 500
  const detail = isOutage
    ? 'Countersign does not answer at the moment. Nothing was decided; try again.'
    : (problem.detail ?? `The server answered ${response.status}.`)
  throw new ServerRefusal(detail, isOutage, problem.retryAfterSeconds ?? null)
}
