import type { z } from 'zod'
import { isRefusal } from '../../../domain/refusal.ts'
import type { HttpApp } from '../../http-app.ts'
import { nothing } from '../../operation.ts'
import { principalOf } from '../../plugins/api-key.ts'
import { sendRefusal } from '../../problem.ts'
import { appBody, appChanges, appList, newApp } from '../../schemas/app.ts'
import { idParams } from '../../schemas/ids.ts'
import type { ServerOptions } from './server-options.ts'

const appParams = idParams('id', 'app', 'The app.')
const oneApp = { description: 'The app.', schema: appBody } as const
type AppBody = z.output<typeof appBody>
const actorOf = (keyId: string) => `api_key:${keyId}` as const

/**
 * The mobile apps of the tenant, in addition to the one that the environment configures for all
 * tenants.
 */
export function appRoutes(app: HttpApp, options: ServerOptions, done: () => void): void {
  list(app, options)
  create(app, options)
  read(app, options)
  change(app, options)
  remove(app, options)
  done()
}

function list(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/apps',
    key('admin', {
      operationId: 'listApps',
      tag: 'administration',
      summary: 'The mobile apps of the tenant',
      answers: { 200: { description: 'The apps.', schema: appList } },
    }),
    async (request): Promise<z.output<typeof appList>> => ({
      items: await useCases.listApps(principalOf(request).tenantId),
      nextCursor: null,
    }),
  )
}

function create(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.post(
    '/v1/apps',
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
    async (request, reply) => {
      const { tenantId, keyId } = principalOf(request)
      const tenantApp = await useCases.createApp(tenantId, request.body, actorOf(keyId))
      if (isRefusal(tenantApp)) return sendRefusal(reply, tenantApp)
      return reply.code(201).send(tenantApp satisfies AppBody)
    },
  )
}

function read(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.get(
    '/v1/apps/:id',
    key('admin', {
      operationId: 'readApp',
      tag: 'administration',
      summary: 'Read a mobile app',
      params: appParams,
      answers: { 200: oneApp },
    }),
    async (request, reply): Promise<AppBody | typeof reply> => {
      const tenantApp = await useCases.readApp(principalOf(request).tenantId, request.params.id)
      return isRefusal(tenantApp) ? sendRefusal(reply, tenantApp) : tenantApp
    },
  )
}

function change(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.patch(
    '/v1/apps/:id',
    key('admin', {
      operationId: 'changeApp',
      tag: 'administration',
      summary: 'Rename a mobile app, or replace its credentials',
      description: 'New credentials are in use within seconds, in every process.',
      params: appParams,
      body: appChanges,
      answers: { 200: oneApp },
    }),
    async (request, reply): Promise<AppBody | typeof reply> => {
      const { tenantId, keyId } = principalOf(request)
      const { id } = request.params
      const tenantApp = await useCases.changeApp(tenantId, id, request.body, actorOf(keyId))
      return isRefusal(tenantApp) ? sendRefusal(reply, tenantApp) : tenantApp
    },
  )
}

function remove(app: HttpApp, { useCases, key }: ServerOptions): void {
  app.delete(
    '/v1/apps/:id',
    key('admin', {
      operationId: 'removeApp',
      tag: 'administration',
      summary: 'Remove a mobile app and its credentials',
      params: appParams,
      answers: { 204: nothing('The app is removed; its devices find challenges by polling.') },
    }),
    async (request, reply) => {
      const { tenantId, keyId } = principalOf(request)
      const refusal = await useCases.removeApp(tenantId, request.params.id, actorOf(keyId))
      return refusal ? sendRefusal(reply, refusal) : reply.code(204).send()
    },
  )
}
