import type { z } from 'zod'
import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { sendRefusal } from '../../problem.ts'
import { idParams } from '../../schemas/ids.ts'
import { initiatorOf } from '../../schemas/initiator.ts'
import {
  acceptedPasscodeBody,
  givenPasscode,
  newRecoveryCodes,
  newTemporaryCode,
  otherFactorsBody,
  recoveryCodesBody,
  temporaryCodeBody,
} from '../../schemas/passcode.ts'
import type { ServerOptions } from './server-options.ts'

const userParams = idParams('userId', 'user', 'The user.')

/** Codes that users type where there is no push. */
export function passcodeRoutes(app: HttpApp, options: ServerOptions, done: () => void): void {
  read(app, options)
  verify(app, options)
  createRecoveryCodes(app, options)
  createTemporaryCode(app, options)
  done()
}

function read(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/users/:userId/passcodes',
    key('users:read', {
      operationId: 'readOtherFactors',
      tag: 'passcodes',
      summary: 'What a user can be asked for instead of a push',
      params: userParams,
      answers: { 200: { description: 'What there is.', schema: otherFactorsBody } },
    }),
    async (request, reply): Promise<z.output<typeof otherFactorsBody> | typeof reply> => {
      const { userId } = request.params
      const factors = await useCases.readOtherFactors(principalOf(request), userId)
      return isRefusal(factors) ? sendRefusal(reply, factors) : factors
    },
  )
}

function verify(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/users/:userId/passcodes/verify',
    key('challenges:write', {
      operationId: 'verifyPasscode',
      tag: 'passcodes',
      summary: 'Verify a code that a user typed',
      description:
        'Each code works once, ever. Wrong ones are counted by initiator, then by user, ' +
        'and recover over time; they never touch pushes.',
      params: userParams,
      body: givenPasscode,
      answers: { 200: { description: 'The code was accepted.', schema: acceptedPasscodeBody } },
      refusals: [
        'passcodes_not_allowed',
        'passcode_wrong',
        'passcode_used',
        'passcode_clock_off',
        'passcode_expired',
        'passcode_locked',
        'user_suspended',
      ],
    }),
    async (request, reply): Promise<z.output<typeof acceptedPasscodeBody> | typeof reply> => {
      const { userId } = request.params
      const { initiator, ...input } = request.body
      const typedAt = initiatorOf(initiator)
      const command = { ...input, userId, ...(typedAt && { initiator: typedAt }) }
      const result = await useCases.verifyPasscode(principalOf(request), command)
      return isRefusal(result) ? sendRefusal(reply, result) : result
    },
  )
}

function createRecoveryCodes(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/users/:userId/recovery-codes',
    key('enrollments:write', {
      operationId: 'createRecoveryCodes',
      tag: 'passcodes',
      summary: 'Create a set of recovery codes',
      description: 'The former set is invalid from then on. The user is notified.',
      params: userParams,
      body: newRecoveryCodes,
      answers: { 201: { description: 'The codes.', schema: recoveryCodesBody } },
    }),
    async (request, reply) => {
      const { userId } = request.params
      const codes = await useCases.createRecoveryCodes(principalOf(request), userId)
      if (isRefusal(codes)) return sendRefusal(reply, codes)
      return reply.code(201).send({ codes } satisfies z.output<typeof recoveryCodesBody>)
    },
  )
}

function createTemporaryCode(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/users/:userId/temporary-codes',
    key('temporary_codes:write', {
      operationId: 'createTemporaryCode',
      tag: 'passcodes',
      summary: 'Create a temporary code, for the help desk to pass on',
      description:
        'For a person whom the help desk has identified. The former one is invalid from ' +
        'then on; the user is notified, and it is audited.',
      params: userParams,
      body: newTemporaryCode,
      answers: { 201: { description: 'The code.', schema: temporaryCodeBody } },
    }),
    async (request, reply) => {
      const { userId } = request.params
      const { ttlSeconds } = request.body
      const temporaryCode = await useCases.createTemporaryCode(
        principalOf(request),
        userId,
        ttlSeconds,
      )
      if (isRefusal(temporaryCode)) return sendRefusal(reply, temporaryCode)
      return reply.code(201).send(temporaryCode satisfies z.output<typeof temporaryCodeBody>)
    },
  )
}
