import type { Phone, RunningService } from './running-service.ts'
import { until } from './until.ts'

type Serving = Pick<RunningService, 'origin' | 'api'>

/** An integration with its secret, and what a client at its door does. */
export type TestDoor = {
  readonly id: string
  readonly secret: string
  /** The integration as its admins read it. */
  read(): Promise<{
    readonly uses: number
    readonly lastUsedAt: string | null
    readonly lastError: { readonly code: string } | null
  }>
  change(changes: object): Promise<void>
  /** Asks and waits, as curl would. */
  ask(
    body: object,
    more?: { readonly headers?: object; readonly signal?: AbortSignal; readonly origin?: string },
  ): Promise<DoorReply>
}

export type DoorReply = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Makes an integration for clients that wait. */
export async function createWaitDoor(
  { origin, api }: Serving,
  more: object = {},
): Promise<TestDoor> {
  const { items } = (await api('GET', '/v1/relying-parties')).json
  const input = {
    relyingPartyId: items.at(-1).id,
    name: 'VPN',
    settings: { kind: 'wait' },
    ...more,
  }
  const creation = await api('POST', '/v1/integrations', input)
  if (creation.status !== 201) throw new Error(creation.text)
  const { id, secret } = creation.json
  return {
    id,
    secret,
    read: async () => (await api('GET', `/v1/integrations/${id}`)).json,
    async change(changes) {
      const update = await api('PATCH', `/v1/integrations/${id}`, changes)
      if (update.status !== 200) throw new Error(update.text)
    },
    async ask(body, { headers = {}, signal, origin: at = origin } = {}) {
      const response = await fetch(`${at}/integrations/wait/${id}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${secret}`,
          'content-type': 'application/json',
          ...headers,
        },
        body: JSON.stringify(body),
        ...(signal && { signal }),
      })
      return { status: response.status, headers: response.headers, text: await response.text() }
    },
  }
}

/** How many questions the service has read the facts of; a repeated one then has its challenge. */
export async function questionsRead({ api }: Pick<Serving, 'api'>): Promise<number> {
  const { text } = await api('GET', '/metrics')
  const line = /^countersign_lane_batch_size_sum\{lane="load_creation"\} (\d+)$/m.exec(text)
  return Number(line?.[1] ?? 0)
}

/** The one question that a phone is asked. */
export function questionTo(phone: Phone) {
  return until('the phone is asked', async () => (await phone.client.pending()).requests[0])
}

/**
 * Lets the tenant's policy permit an integration to do without a number, and the integration do so.
 */
export async function permitNone(
  { api }: Pick<Serving, 'api'>,
  { id, change }: Pick<TestDoor, 'id' | 'change'>,
): Promise<void> {
  const policy = { profile: 'compat', numberNoneAllowedFor: [id] }
  const policyUpdate = await api('PATCH', '/v1/policy', policy)
  if (policyUpdate.status !== 200) throw new Error(policyUpdate.text)
  await change({ numberMode: 'none' })
}
