import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { appBody, appChanges, appList, newApp } from './app.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

const appParams = idParams('id', 'app', 'The app.')
const oneApp = { description: 'The app.', schema: appBody } as const
const actorOf = (keyId: string) => `api_key:${keyId}` as const

/**
 * The mobile apps of the tenant, in addition to the one that the environment configures for all
 * tenants.
 */
export function appRoutes(app: HttpApp, options: Options, done: () => void): void {
  list(app, options)
  create(app, options)
  read(app, options)
  change(app, options)
  remove(app, options)
  done()
}

function list(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/apps',
    key('admin', {
      operationId: 'listApps',
      tag: 'administration',
      summary: 'The mobile apps of the tenant',
      answers: { 200: { description: 'The apps.', schema: appList } },
    }),
    async (request) => ({
      items: await useCases.listApps(principalOf(request).tenantId),
      nextCursor: null,
    }),
  )
}

function create(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/apps',
    key('admin', {
      operationId: 'createApp',
      tag: 'administration',
      summary: 'Add a mobile app with its push credentials',
      description:
        'They are used for devices of this tenant with this app id, before those of the ' +
        'environment.',
      body: newApp,
      answers: { 201: oneApp },
      refusals: ['app_taken'],
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      return useCases.createApp(tenantId, request.body, actorOf(keyId))
    },
  )
}

function read(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/apps/:id',
    key('admin', {
      operationId: 'readApp',
      tag: 'administration',
      summary: 'Read a mobile app',
      params: appParams,
      answers: { 200: oneApp },
    }),
    (request) => useCases.readApp(principalOf(request).tenantId, request.params.id),
  )
}

function change(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'PATCH /v1/apps/:id',
    key('admin', {
      operationId: 'changeApp',
      tag: 'administration',
      summary: 'Rename a mobile app, or replace its credentials',
      description: 'New credentials are in use within seconds, in every process.',
      params: appParams,
      body: appChanges,
      answers: { 200: oneApp },
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      const { id } = request.params
      return useCases.changeApp(tenantId, id, request.body, actorOf(keyId))
    },
  )
}

function remove(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'DELETE /v1/apps/:id',
    key('admin', {
      operationId: 'removeApp',
      tag: 'administration',
      summary: 'Remove a mobile app and its credentials',
      params: appParams,
      answers: { 204: nothing('The app is removed; its devices find challenges by polling.') },
    }),
    async (request) => {
      const { tenantId, keyId } = principalOf(request)
      return useCases.removeApp(tenantId, request.params.id, actorOf(keyId))
    },
  )
}
