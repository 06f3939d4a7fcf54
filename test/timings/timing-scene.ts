// A service with its database, push simulator and Entra, whose prompts are timed.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startSimulator } from '../../simulator/simulator.ts'
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded/embedded-postgres.ts'
import { startEntraDouble } from '../support/entra-double.ts'
import { environmentOf } from '../support/killable-service.ts'
import { freePort } from '../support/ports.ts'
import { createApi, enrollPhone } from '../support/running-service.ts'
import type { Ready } from './service.ts'

export type TimingScene = Awaited<ReturnType<typeof openTimingScene>>

async function startChild(environment: Readonly<Record<string, string>>) {
  const child: ChildProcess = fork(path.join(import.meta.dirname, 'service.ts'), {
    env: { PATH: process.env.PATH, ...environment },
  })
  const end = once(child, 'exit').then(() => {
    throw new Error('the service has ended')
  })
  const [ready] = await Promise.race([once(child, 'message'), end])
  end.catch(() => undefined)
  return { child, ready: ready as Ready }
}

/** Starts everything on loopback; disposing ends it. */
export async function openTimingScene() {
  await using undo = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-timings-'))
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o711)
  const postgres = await startEmbeddedPostgres({ folder: path.join(folder, 'postgresql') })
  undo.defer(postgres.stop)
  const simulator = await startSimulator()
  undo.defer(() => simulator.close())
  const entra = await startEntraDouble()
  undo.use(entra)
  const port = await freePort()
  const { child, ready } = await startChild({
    ...(await environmentOf(simulator, postgres.url, port, folder)),
    DATA_FOLDER: folder,
    ENTRA_DISCOVERY: entra.discoveryUrlOf('global'),
  })
  undo.defer(async () => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  })
  const { key, tenantId } = ready
  const origin = `http://127.0.0.1:${port}`
  const api = createApi(origin, key)
  const { items } = (await api('GET', '/v1/relying-parties')).json
  const creation = await api('POST', '/v1/integrations', {
    relyingPartyId: items[0].id,
    name: 'Payroll',
    settings: {
      kind: 'entra_external_mfa',
      entraTenantId: entra.entraTenantId,
      applicationId: entra.applicationId,
    },
  })
  if (creation.status !== 201) throw new Error(creation.text)
  const clientId: string = creation.json.id
  await (await fetch(`${origin}/t/${tenantId}/oidc/jwks`)).text()
  const running = undo.move()
  return {
    ...{ origin, tenantId },
    /** A new user of Entra's name with a phone that is pushed to. */
    enroll: (user: string) => enrollPhone({ api, simulator }, { user }),
    /** The form that Entra has the browser of this person post. */
    formOf: async (oid: string) =>
      entra.form({ clientId, hint: await entra.hint({ claims: { oid } }) }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
