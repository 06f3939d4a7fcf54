import { hash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest, preValidationHookHandler } from 'fastify'
import type { KeyRole } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { Admission } from '../platform/http/admission.ts'
import { nameCaller } from '../platform/http/caller.ts'
import { parseJsonBodies } from '../platform/http/json-body.ts'
import {
  type Operation,
  type OperationSchema,
  operationSchema,
} from '../platform/http/operation.ts'
import { sendRefusal } from '../platform/http/problem.ts'
import type { ProblemCode } from '../platform/http/problem-table.ts'
import type { Guarded } from '../platform/http/route.ts'
import type * as useCases from './use-cases.ts'

type UseCases = Bound<typeof useCases>

const proofDecorator = 'deviceProof'
const bodyHashDecorator = 'bodyHash'

/** Prepares requests to carry a device's proof. */
export function carryProofs(app: FastifyInstance): void {
  app.decorateRequest(proofDecorator, null)
  app.decorateRequest(bodyHashDecorator, null)
}

/** Hashes the bodies of this instance's requests: a proof covers the bytes as they were sent. */
export function hashBodies(app: FastifyInstance): void {
  parseJsonBodies(app, (request, bytes) => {
    request.setDecorator(bodyHashDecorator, hash('sha256', bytes, 'base64url'))
  })
}

/**
 * The well-formed proof of this request, its signature still to be verified by the use case; only
 * for guarded routes.
 */
export function proofOf(request: FastifyRequest): DeviceProof {
  const proof = request.getDecorator<DeviceProof | null>(proofDecorator)
  if (proof === null) throw new Error('this route was built without a proof guard')
  return proof
}

/**
 * Describes and protects a route of the device API; `key` is the weaker of the keys that its use
 * case accepts.
 */
export type ProofGuard = <const O extends Operation, Role extends KeyRole>(
  key: Role,
  operation: O,
) => Guarded<O, ProofCode<Role>>

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * The route makes its callers wait: it takes a slot of the fair queue itself, and releases it
     * before they wait.
     */
    queuesItself?: boolean
  }
}

const refusals = [
  'proof_missing',
  'proof_malformed',
  'proof_invalid',
  'clock_skew',
  'device_unregistered',
  'device_suspended',
  'device_not_active',
  'app_too_old',
  'protocol_too_old',
  'platform_retired',
  'too_many_requests',
] as const satisfies ProblemCode[]

type ProofCode<Role extends KeyRole> =
  | (typeof refusals)[number]
  | (Role extends 'verification' ? 'proof_key_not_allowed' : never)

/**
 * Puts the calls of devices to this instance into the fair queue unless their address has
 * authenticated recently; the handler of the route verifies the proof. Must be called before the
 * routes are added.
 */
export function admitDevices(
  app: FastifyInstance,
  admission: Pick<Admission, 'serveDevice'>,
): void {
  app.addHook('onRoute', (route) => {
    const { security = [] } = (route.schema ?? {}) as Partial<OperationSchema<Operation>>
    if (!security.some((scheme) => 'deviceProof' in scheme)) return
    if (route.config?.queuesItself) return
    const { handler } = route
    route.handler = async function (request, reply) {
      const answer = await admission.serveDevice(
        request.ip,
        async () => handler.call(this, request, reply),
        () => reply.statusCode < 400,
      )
      return isRefusal(answer) ? sendRefusal(reply, answer) : answer
    }
  })
}

const textOf = (header: string | string[] | undefined) =>
  typeof header === 'string' ? header : undefined

/**
 * Checks the proof against method, public address and body of the request. It runs once the body is
 * read, before it is validated.
 */
export function buildProofGuard(
  read: UseCases['readDeviceProof'],
  publicOrigin: string,
): ProofGuard {
  const preValidation: preValidationHookHandler = (request, reply, done) => {
    const { 'device-proof': header, 'device-assertion': assertion } = request.headers
    const proven = {
      method: request.method,
      uri: publicOrigin + request.raw.url,
      bodyHash: request.getDecorator<string | null>(bodyHashDecorator),
    }
    const proof = read(textOf(header), proven, textOf(assertion))
    if (isRefusal(proof)) {
      sendRefusal(reply, proof)
      return
    }
    request.setDecorator(proofDecorator, proof)
    // Its claims are not verified yet.
    nameCaller(request, { tenantId: proof.tenantId, deviceId: proof.deviceId })
    done()
  }
  return (key, operation) => ({
    preValidation,
    schema: operationSchema(operation, {
      security: [{ deviceProof: [key] }],
      refusals: [
        ...refusals,
        ...(key === 'verification' ? (['proof_key_not_allowed'] as const) : []),
      ] as ProofCode<typeof key>[],
    }),
  })
}
