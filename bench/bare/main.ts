// The bare model in a process of its own. The process that forked it sends the settings and
// receives the origin; the model ends when that process disconnects, however it ended.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded/embedded-postgres.ts'
import { Devices } from './devices.ts'
import { Pushes, type PushSettings } from './push.ts'
import { addSignIn } from './sign-in-routes.ts'
import { openStore } from './store.ts'

/** The settings of the model. */
export type BareSettings = {
  /** Of its database. */
  readonly folder: string
  readonly apiKey: string
  readonly push: PushSettings
}

/** What it reports when it listens. */
export type BareReady = { readonly origin: string }

async function serve({ folder, apiKey, push }: BareSettings, letGo: Promise<unknown>) {
  await using parts = new AsyncDisposableStack()
  // The same server with the same settings as the service's: so both pay the same for a commit.
  const database = await startEmbeddedPostgres({ folder })
  parts.defer(() => database.stop())
  const store = await openStore(database.url)
  parts.defer(() => store.close())
  const pushes = new Pushes(push)
  parts.defer(() => pushes.close())
  const app = fastify({ logger: false, forceCloseConnections: true })
  parts.defer(() => app.close())
  // The device's proof is over the bytes.
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, callback) =>
    callback(null, body),
  )
  let origin = ''
  const needs = { store, devices: new Devices(), pushes, apiKey, origin: () => origin }
  addSignIn(app, needs)
  await app.listen({ host: '127.0.0.1', port: 0 })
  origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  process.send?.({ origin } satisfies BareReady)
  await letGo
}

const letGo = once(process, 'disconnect')
const [settings] = (await once(process, 'message')) as [BareSettings]
await serve(settings, letGo)
