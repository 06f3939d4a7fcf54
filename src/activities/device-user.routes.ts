// What a device sees of its user: the other devices, what happened, and the keys of the tenant.

import { z } from 'zod'
import type { DeviceOptions } from '../devices/device.http.ts'
import { deviceList } from '../devices/device.schemas.ts'
import { keySetLinks } from '../devices/device-call.schemas.ts'
import { proofOf } from '../devices/device-proof.guard.ts'
import type * as deviceUseCases from '../devices/use-cases.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageOf, pageQuery, pageRequest, queryNumber } from '../platform/http/schemas/paging.ts'
import { activityPage } from './activity.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = DeviceOptions<Bound<typeof useCases & typeof deviceUseCases>>

/** What a device sees of its user. */
export function ownUserRoutes(app: HttpApp, options: Options, done: () => void): void {
  devices(app, options)
  unregister(app, options)
  activities(app, options)
  keySet(app, options)
  done()
}

function devices(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'GET /device/v1/devices',
    proof('possession', {
      operationId: 'listOwnDevices',
      tag: 'device API',
      summary: "The user's live devices, this one among them",
      answers: { 200: { description: 'The devices, newest first.', schema: deviceList } },
    }),
    async (request) => {
      const userDevices = await useCases.listOwnDevices(proofOf(request))
      return isRefusal(userDevices) ? userDevices : { items: userDevices }
    },
  )
}

function unregister(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'DELETE /device/v1/devices/:id',
    proof('verification', {
      operationId: 'unregisterOtherDevice',
      tag: 'device API',
      summary: 'Unregister a lost device of the same user',
      description:
        'Takes the verification key, so that a thief who holds an unlocked phone cannot ' +
        'unregister the others.',
      params: idParams('id', 'device', 'The lost device.'),
      answers: { 204: nothing('The device is unregistered, reason `lost`.') },
      refusals: ['proof_replayed', 'conflict'],
    }),
    (request) => useCases.unregisterOther(proofOf(request), request.params.id),
  )
}

function activities(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'GET /device/v1/activities',
    proof('possession', {
      operationId: 'listOwnActivities',
      tag: 'device API',
      summary: 'What happened to the user',
      querystring: z.strictObject(pageQuery('activity')),
      answers: { 200: { description: 'The activities.', schema: activityPage } },
    }),
    async (request) => {
      const page = pageRequest(request.query)
      const rows = await useCases.listOwnActivities(proofOf(request), page)
      return isRefusal(rows) ? rows : pageOf(rows, page)
    },
  )
}

function keySet(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'GET /device/v1/keyset',
    proof('possession', {
      operationId: 'readKeySetLinks',
      tag: 'device API',
      summary: 'The chain from the pinned keys to the newest',
      querystring: z.strictObject({
        after: queryNumber(
          0,
          999_999_999,
          'The `seq` of the key set that the device holds.',
        ).default(0),
      }),
      answers: { 200: { description: 'The links.', schema: keySetLinks } },
    }),
    async (request) => {
      const links = await useCases.readKeySetLinks(proofOf(request), request.query.after)
      return isRefusal(links) ? links : { links }
    },
  )
}
