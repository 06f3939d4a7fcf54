import type { z } from 'zod'
import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { nothing } from '../../operation.ts'
import { proofOf } from '../../plugins/device-proof.ts'
import { sendRefusal } from '../../problem.ts'
import { deviceBody, deviceChanges, ownDeviceBody } from '../../schemas/device.ts'
import { pushTokenChange } from '../../schemas/device-call.ts'
import type { DeviceOptions } from './device-options.ts'

const self = { 200: { description: 'The device.', schema: deviceBody } } as const

/** Operations of a device on itself. */
export function selfRoutes(app: HttpApp, options: DeviceOptions, done: () => void): void {
  read(app, options)
  update(app, options)
  unregister(app, options)
  setPushToken(app, options)
  done()
}

function read(app: HttpApp, { useCases, proof }: DeviceOptions): void {
  app.get(
    '/device/v1/self',
    proof('possession', {
      operationId: 'readSelf',
      tag: 'device API',
      summary: 'The device as the service knows it',
      description:
        'Answers suspended devices and apps that are too old, too: `whyNot` says what ' +
        'every other call refuses them for.',
      answers: { 200: { description: 'The device.', schema: ownDeviceBody } },
    }),
    async (request, reply): Promise<z.output<typeof ownDeviceBody> | typeof reply> => {
      const device = await useCases.readSelf(proofOf(request))
      return isRefusal(device) ? sendRefusal(reply, device) : device
    },
  )
}

function update(app: HttpApp, { useCases, proof }: DeviceOptions): void {
  app.patch(
    '/device/v1/self',
    proof('possession', {
      operationId: 'updateSelf',
      tag: 'device API',
      summary: 'Change what the device reports about itself',
      body: deviceChanges,
      answers: self,
      refusals: ['proof_replayed'],
    }),
    async (request, reply): Promise<z.output<typeof deviceBody> | typeof reply> => {
      const device = await useCases.updateSelf(proofOf(request), request.body)
      return isRefusal(device) ? sendRefusal(reply, device) : device
    },
  )
}

function unregister(app: HttpApp, { useCases, proof }: DeviceOptions): void {
  app.delete(
    '/device/v1/self',
    proof('possession', {
      operationId: 'unregisterSelf',
      tag: 'device API',
      summary: 'Unregister the calling device permanently',
      answers: { 204: nothing('The device is unregistered.') },
      refusals: ['proof_replayed', 'not_found', 'conflict'],
    }),
    async (request, reply) => {
      const refusal = await useCases.unregisterSelf(proofOf(request))
      return refusal ? sendRefusal(reply, refusal) : reply.code(204).send()
    },
  )
}

function setPushToken(app: HttpApp, { useCases, proof }: DeviceOptions): void {
  app.put(
    '/device/v1/push-token',
    proof('possession', {
      operationId: 'rotatePushToken',
      tag: 'device API',
      summary: 'Replace the push token, or remove it',
      body: pushTokenChange,
      answers: { 204: nothing('The token is in force.') },
      refusals: ['proof_replayed'],
    }),
    async (request, reply) => {
      const refusal = await useCases.rotatePushToken(proofOf(request), request.body.push)
      return refusal ? sendRefusal(reply, refusal) : reply.code(204).send()
    },
  )
}
