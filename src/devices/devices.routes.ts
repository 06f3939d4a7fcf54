import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { changedDevice, deviceBody, deviceList, unregistration } from './device.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const deviceParams = idParams('id', 'device', 'The device.')
const userParams = idParams('userId', 'user', 'The user.')
const oneDevice = { description: 'The device.', schema: deviceBody } as const
const devices = { description: 'The devices, newest first.', schema: deviceList } as const

/** Devices as relying parties see and unregister them. */
export function deviceRoutes(app: HttpApp, options: Options, done: () => void): void {
  list(app, options)
  unregisterAll(app, options)
  read(app, options)
  change(app, options)
  unregister(app, options)
  done()
}

function list(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/users/:userId/devices',
    key('users:read', {
      operationId: 'listDevices',
      tag: 'devices',
      summary: 'All devices that a user ever had',
      params: userParams,
      answers: { 200: devices },
    }),
    async (request) => {
      const userDevices = await useCases.listDevices(principalOf(request), request.params.userId)
      return isRefusal(userDevices) ? userDevices : { items: userDevices }
    },
  )
}

function unregisterAll(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/users/:userId/devices/unregister',
    key('devices:write', {
      operationId: 'unregisterAllDevices',
      tag: 'devices',
      summary: 'Unregister every device of a user',
      description: 'Once this returns, no answer of these devices counts any more.',
      params: userParams,
      body: unregistration,
      answers: { 200: { description: 'The devices that were alive.', schema: deviceList } },
    }),
    async (request) => {
      const { userId } = request.params
      const { reason } = request.body
      const unregisteredDevices = await useCases.unregisterAllDevices(
        principalOf(request),
        userId,
        reason,
      )
      return isRefusal(unregisteredDevices) ? unregisteredDevices : { items: unregisteredDevices }
    },
  )
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/devices/:id',
    key('users:read', {
      operationId: 'readDevice',
      tag: 'devices',
      summary: 'Read a device',
      params: deviceParams,
      answers: { 200: oneDevice },
    }),
    (request) => useCases.readDevice(principalOf(request), request.params.id),
  )
}

function change(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'PATCH /v1/devices/:id',
    key('devices:write', {
      operationId: 'changeDevice',
      tag: 'devices',
      summary: 'Rename a device, suspend it, or make it active again',
      description:
        'Once a suspension returns, no answer of the device counts until it is active ' +
        'again; its own calls are refused as `device_suspended`.',
      params: deviceParams,
      body: changedDevice,
      answers: { 200: oneDevice },
      refusals: ['device_unregistered', 'device_not_active', 'conflict'],
    }),
    async (request) => {
      const { id } = request.params
      return useCases.changeDevice(principalOf(request), id, request.body)
    },
  )
}

function unregister(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/devices/:id/unregister',
    key('devices:write', {
      operationId: 'unregisterDevice',
      tag: 'devices',
      summary: 'Unregister a device permanently',
      description:
        'Once this returns, no answer of the device counts any more. Doing it twice ' +
        'changes nothing.',
      params: deviceParams,
      body: unregistration,
      answers: { 200: oneDevice },
    }),
    async (request) => {
      const { id } = request.params
      const { reason } = request.body
      return useCases.unregisterDevice(principalOf(request), id, reason)
    },
  )
}
