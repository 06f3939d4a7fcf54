import { initiatorOf } from '../challenges/initiator.schemas.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import {
  acceptedPasscodeBody,
  givenPasscode,
  newRecoveryCodes,
  newTemporaryCode,
  otherFactorsBody,
  recoveryCodesBody,
  temporaryCodeBody,
} from './passcode.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const userParams = idParams('userId', 'user', 'The user.')

/** Codes that users type where there is no push. */
export function passcodeRoutes(app: HttpApp, options: Options, done: () => void): void {
  read(app, options)
  verify(app, options)
  createRecoveryCodes(app, options)
  createTemporaryCode(app, options)
  done()
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/users/:userId/passcodes',
    key('users:read', {
      operationId: 'readOtherFactors',
      tag: 'passcodes',
      summary: 'What a user can be asked for instead of a push',
      params: userParams,
      answers: { 200: { description: 'What there is.', schema: otherFactorsBody } },
    }),
    async (request) => {
      const { userId } = request.params
      return useCases.readOtherFactors(principalOf(request), userId)
    },
  )
}

function verify(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/users/:userId/passcodes/verify',
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
    async (request) => {
      const { userId } = request.params
      const { initiator, ...input } = request.body
      const typedAt = initiatorOf(initiator)
      const command = { ...input, userId, ...(typedAt && { initiator: typedAt }) }
      return useCases.verifyPasscode(principalOf(request), command)
    },
  )
}

function createRecoveryCodes(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/users/:userId/recovery-codes',
    key('enrollments:write', {
      operationId: 'createRecoveryCodes',
      tag: 'passcodes',
      summary: 'Create a set of recovery codes',
      description: 'The former set is invalid from then on. The user is notified.',
      params: userParams,
      body: newRecoveryCodes,
      answers: { 201: { description: 'The codes.', schema: recoveryCodesBody } },
    }),
    async (request) => {
      const { userId } = request.params
      const codes = await useCases.createRecoveryCodes(principalOf(request), userId)
      if (isRefusal(codes)) return codes
      return { codes }
    },
  )
}

function createTemporaryCode(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/users/:userId/temporary-codes',
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
    async (request) => {
      const { userId } = request.params
      const { ttlSeconds } = request.body
      return useCases.createTemporaryCode(principalOf(request), userId, ttlSeconds)
    },
  )
}
