import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import type { DeviceOptions } from './device.http.ts'
import { deviceBody, deviceChanges, ownDeviceBody } from './device.schemas.ts'
import { keyRotation, pushTokenChange } from './device-call.schemas.ts'
import { proofOf } from './device-proof.guard.ts'
import type * as useCases from './use-cases.ts'

type Options = DeviceOptions<Bound<typeof useCases>>

const self = { 200: { description: 'The device.', schema: deviceBody } } as const

/** Operations of a device on itself. */
export function selfRoutes(app: HttpApp, options: Options, done: () => void): void {
  read(app, options)
  update(app, options)
  unregister(app, options)
  setPushToken(app, options)
  rotateKey(app, options)
  done()
}

function read(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'GET /device/v1/self',
    proof('possession', {
      operationId: 'readSelf',
      tag: 'device API',
      summary: 'The device as the service knows it',
      description:
        'Answers suspended devices and apps that are too old, too: `whyNot` says what ' +
        'every other call refuses them for.',
      answers: { 200: { description: 'The device.', schema: ownDeviceBody } },
    }),
    (request) => useCases.readSelf(proofOf(request)),
  )
}

function update(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'PATCH /device/v1/self',
    proof('possession', {
      operationId: 'updateSelf',
      tag: 'device API',
      summary: 'Change what the device reports about itself',
      body: deviceChanges,
      answers: self,
      refusals: ['proof_replayed', 'protocol_version_lowered'],
    }),
    (request) => useCases.updateSelf(proofOf(request), request.body),
  )
}

function unregister(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'DELETE /device/v1/self',
    proof('possession', {
      operationId: 'unregisterSelf',
      tag: 'device API',
      summary: 'Unregister the calling device permanently',
      answers: { 204: nothing('The device is unregistered.') },
      refusals: ['proof_replayed', 'not_found', 'conflict'],
    }),
    (request) => useCases.unregisterSelf(proofOf(request)),
  )
}

function setPushToken(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'PUT /device/v1/push-token',
    proof('possession', {
      operationId: 'rotatePushToken',
      tag: 'device API',
      summary: 'Replace the push token, or remove it',
      body: pushTokenChange,
      answers: { 204: nothing('The token is in force.') },
      refusals: ['proof_replayed'],
    }),
    (request) => useCases.rotatePushToken(proofOf(request), request.body.push),
  )
}

function rotateKey(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'POST /device/v1/self/keys',
    proof('verification', {
      operationId: 'rotateKey',
      tag: 'device API',
      summary: 'Replace a key of the device',
      description:
        'From the answer on nothing counts that the old key signs; what it signed before stays ' +
        'verifiable. A new key is not attested.',
      body: keyRotation,
      answers: self,
      refusals: [
        'proof_replayed',
        'attestation_missing',
        'key_already_registered',
        'too_many_key_rotations',
        'conflict',
      ],
    }),
    (request) => useCases.rotateKey(proofOf(request), request.body),
  )
}
