import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TokenMessage } from 'firebase-admin/messaging'
import type { Clock } from '../../platform/world.ts'
import { parseRetryAfterMs } from '../retry-after.ts'
import type { Deadline, DeadlineAgent } from './deadline-agent.ts'
import { describeFcmError, type FcmFailure } from './fcm-replies.ts'

type FcmOutcome = { readonly id: string } | { readonly failure: FcmFailure }

export type FcmClient = {
  /**
   * Sends within the deadline (`performance.now()`); resolves to a description of what went wrong,
   * never rejects.
   */
  send(message: TokenMessage, deadlineAt: number): Promise<FcmOutcome>
  close(): Promise<void>
}

export type FcmClientOptions = {
  readonly projectId: string
  readonly agent: DeadlineAgent
  readonly clock: Clock
  /** Called before each send. */
  getAccessToken(): Promise<string>
}

/**
 * Loads firebase-admin and creates an app of its own in it; nothing is shared with other apps of
 * the process.
 */
export async function openFcmClient(options: FcmClientOptions): Promise<FcmClient> {
  const [{ initializeApp, deleteApp }, { getMessaging }] = await Promise.all([
    import('firebase-admin/app'),
    import('firebase-admin/messaging'),
  ])
  const { projectId, agent, clock } = options
  const credential = {
    // Under five minutes the SDK keeps no copy, so that an invalidated token is not used again.
    getAccessToken: async () => ({ access_token: await options.getAccessToken(), expires_in: 60 }),
  }
  const app = initializeApp({ projectId, credential, httpAgent: agent }, randomUUID())
  const messaging = getMessaging(app)
  return {
    send: (message, deadlineAt) =>
      new Promise((resolve) => {
        const stop = (failure: FcmFailure): void => {
          // Keeps any further retry of the SDK off the wire.
          deadline.at = 0
          resolve({ failure })
        }
        const deadline: Deadline = { at: deadlineAt, onReply: stopAtSecond503(stop, clock) }
        agent
          .within(deadline, async () => await messaging.send(message))
          .then(
            (id) => resolve({ id }),
            (sdkError) => resolve({ failure: describeFcmError(sdkError, clock.now().getTime()) }),
          )
      }),
    close: () => deleteApp(app),
  }
}

/**
 * On a 503 the SDK retries immediately, which recovers from a single one, and then after 1, 2 and 4
 * seconds or after `Retry-After`. It reports nothing meanwhile and would keep its slot from other
 * sends, so the second 503, or one with a `Retry-After`, ends the send.
 */
function stopAtSecond503(
  stop: (failure: FcmFailure) => void,
  clock: Clock,
): (reply: IncomingMessage) => void {
  let count = 0
  return ({ statusCode, headers }) => {
    if (statusCode !== 503) return
    count += 1
    const retryAfterMs = parseRetryAfterMs(headers['retry-after'], clock.now().getTime())
    if (count < 2 && retryAfterMs === undefined) return
    const failure = { code: 'messaging/server-unavailable', status: 503, isFcmReply: true }
    stop({ ...failure, ...(retryAfterMs !== undefined && { retryAfterMs }) })
  }
}
