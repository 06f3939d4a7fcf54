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
  makeRecoveryCodes(app, options)
  makeTemporaryCode(app, options)
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
      const found = await useCases.readOtherFactors(principalOf(request), userId)
      return isRefusal(found) ? sendRefusal(reply, found) : found
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
        'Each code works once, ever. Wrong ones are counted by initiator, then by user, and heal by time; they never touch pushes.',
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
      const { initiator, ...given } = request.body
      const typedAt = initiatorOf(initiator)
      const command = { ...given, userId, ...(typedAt && { initiator: typedAt }) }
      const accepted = await useCases.verifyPasscode(principalOf(request), command)
      return isRefusal(accepted) ? sendRefusal(reply, accepted) : accepted
    },
  )
}

function makeRecoveryCodes(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/users/:userId/recovery-codes',
    key('enrollments:write', {
      operationId: 'makeRecoveryCodes',
      tag: 'passcodes',
      summary: 'Make a set of recovery codes',
      description: 'The former set is worth nothing from then on. The user is told.',
      params: userParams,
      body: newRecoveryCodes,
      answers: { 201: { description: 'The codes.', schema: recoveryCodesBody } },
    }),
    async (request, reply) => {
      const { userId } = request.params
      const codes = await useCases.makeRecoveryCodes(principalOf(request), userId)
      if (isRefusal(codes)) return sendRefusal(reply, codes)
      return reply.code(201).send({ codes } satisfies z.output<typeof recoveryCodesBody>)
    },
  )
}

function makeTemporaryCode(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/users/:userId/temporary-codes',
    key('temporary_codes:write', {
      operationId: 'makeTemporaryCode',
      tag: 'passcodes',
      summary: 'Make a temporary code, for the help desk to tell',
      description:
        'For somebody whom the help desk has recognised. The former one is worth nothing from then on; the user is told, and it is audited.',
      params: userParams,
      body: newTemporaryCode,
      answers: { 201: { description: 'The code.', schema: temporaryCodeBody } },
    }),
    async (request, reply) => {
      const { userId } = request.params
      const { ttlSeconds } = request.body
      const made = await useCases.makeTemporaryCode(principalOf(request), userId, ttlSeconds)
      if (isRefusal(made)) return sendRefusal(reply, made)
      return reply.code(201).send(made satisfies z.output<typeof temporaryCodeBody>)
    },
  )
}
