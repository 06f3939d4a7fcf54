import type { DeviceOptions } from '../devices/device.http.ts'
import {
  answeredBody,
  givenAnswer,
  pendingBody,
  pendingWait,
} from '../devices/device-call.schemas.ts'
import { proofOf } from '../devices/device-proof.guard.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { isDisconnectedOf } from '../platform/http/waiting.ts'
import type { PendingReading } from './fetch-challenges.ts'
import type * as useCases from './use-cases.ts'

type Options = DeviceOptions<Bound<typeof useCases>>

const challengeParams = idParams('id', 'challenge', 'The challenge.')

/** The challenges of a device and its answers. */
export function deviceChallengeRoutes(app: HttpApp, options: Options, done: () => void): void {
  fetch(app, options)
  answer(app, options)
  receive(app, options)
  done()
}

function fetch(app: HttpApp, { useCases, proof, clock, admission }: Options): void {
  route(
    app,
    'GET /device/v1/challenges',
    {
      config: { queuesItself: true },
      ...proof('possession', {
        operationId: 'fetchChallenges',
        tag: 'device API',
        summary: 'The pending challenges of the device, waiting for others',
        description: 'Works without any push: an open app waits here.',
        querystring: pendingWait,
        answers: { 200: { description: 'The signed requests.', schema: pendingBody } },
      }),
    },
    async (request, reply) => {
      const { wait: waitSeconds, after } = request.query
      const isGone = isDisconnectedOf(reply)
      const read = (seconds: number) =>
        useCases.waitForChallenges(
          proofOf(request),
          { waitMs: seconds * 1000, ...(after !== undefined && { after }) },
          isGone,
        )
      // The proof is verified in the fair queue; the wait itself is outside, so that it delays no
      // other phone.
      const now = await admission.serveDevice(
        request.ip,
        () => read(0),
        () => true,
      )
      const isShown = isRefusal(now) || waitSeconds === 0 || isOther(now, after)
      const pending = isShown ? now : await read(waitSeconds)
      if (isRefusal(pending)) return pending
      const items = pending.items.map((one) => ({
        id: one.challengeId,
        request: one.request,
        ...(one.returnUrl !== null && { returnUrl: one.returnUrl }),
      }))
      return { items, state: pending.state, serverTime: clock.now() }
    },
  )
}

/** Whether this is what the app waits for. */
const isOther = ({ items, state }: PendingReading, after: string | undefined) =>
  after === undefined ? items.length > 0 : state !== after

function answer(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'POST /device/v1/challenges/:id/answer',
    proof('possession', {
      operationId: 'answerChallenge',
      tag: 'device API',
      summary: 'Approve, deny or report',
      description:
        'The same answer again (same `jti`) gets the same reply and does not count ' +
        'again; a wrong number costs an attempt.',
      params: challengeParams,
      body: givenAnswer,
      answers: { 200: { description: 'The answer counts.', schema: answeredBody } },
      refusals: [
        'answer_malformed',
        'answer_invalid',
        'answer_key_not_allowed',
        'number_missing',
        'wrong_number',
        'challenge_ended',
        'challenge_expired',
        'push_locked',
        'user_suspended',
        'proof_replayed',
        'conflict',
      ],
    }),
    async (request) => {
      const command = { challengeId: request.params.id, ...request.body }
      return useCases.answerChallenge(proofOf(request), command)
    },
  )
}

function receive(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'POST /device/v1/challenges/:id/received',
    proof('possession', {
      operationId: 'confirmReceipt',
      tag: 'device API',
      summary: 'Confirm that the push has arrived',
      params: challengeParams,
      answers: { 204: nothing('The first receipt counts.') },
      refusals: ['proof_replayed'],
    }),
    (request) => useCases.confirmReceipt(proofOf(request), request.params.id),
  )
}
