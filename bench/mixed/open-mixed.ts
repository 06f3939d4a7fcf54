import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Countersign, startCountersign } from '../../demo/countersign-process.ts'
import type { writePushCredentials } from '../../demo/push-credentials.ts'
import type { forget } from '../../demo/stack.ts'
import type { pushServiceOf } from '../../simulator/push-service.ts'
import type { startSimulator } from '../../simulator/simulator.ts'
import type { enrollPhone } from '../bench-phone.ts'
import { loadFrom, type Places } from '../checkout.ts'
import { findService, type ServiceProcesses } from '../process-time.ts'
import type { Side } from '../side.ts'
import { enrollMixedWorker, type MixedTenant, subscribe } from './mixed-worker.ts'
import { openWebhookSink, type WebhookSink } from './webhook-sink.ts'

/**
 * What mixed sign-ins need of a checkout: its service, simulator and phones. Pages and sink are
 * those of this one: the API of relying parties keeps its promises.
 */
type MixedCode = {
  readonly startSimulator: typeof startSimulator
  readonly pushServiceOf: typeof pushServiceOf
  readonly writePushCredentials: typeof writePushCredentials
  readonly startCountersign: typeof startCountersign
  readonly forget: typeof forget
  readonly enrollPhone: typeof enrollPhone
}

const places: Places<MixedCode> = {
  startSimulator: { file: 'simulator/simulator.ts', names: ['startSimulator'] },
  pushServiceOf: { file: 'simulator/push-service.ts', names: ['pushServiceOf'] },
  writePushCredentials: { file: 'demo/push-credentials.ts', names: ['writePushCredentials'] },
  startCountersign: { file: 'demo/countersign-process.ts', names: ['startCountersign'] },
  forget: { file: 'demo/stack.ts', names: ['forget'] },
  enrollPhone: { file: 'bench/bench-phone.ts', names: ['enrollPhone', 'enrolPhone'] },
}

const tenantCount = 4
const scopes = ['challenges:write', 'enrollments:write', 'webhooks:write']

export function loadMixedCheckout(root: string): Promise<MixedCode> {
  return loadFrom(root, places)
}

/**
 * Starts the service of a checkout with tenants that subscribe to webhooks, in a folder that is
 * removed with it.
 */
export async function openMixedCheckout(
  name: string,
  code: MixedCode,
  port: number,
  otherProcesses: readonly ServiceProcesses[],
): Promise<Side> {
  await using undo = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-bench-'))
  undo.defer(() => code.forget(folder))
  // Where root runs this, the database runs as another user, which must be able to enter the
  // folder.
  await chmod(folder, 0o711)
  const simulator = await code.startSimulator()
  undo.defer(() => simulator.close())
  const sink = undo.use(await openWebhookSink())
  const origin = `http://localhost:${port}`
  const environment = {
    PUBLIC_ORIGIN: origin,
    PORT: String(port),
    DATA_FOLDER: path.join(folder, 'data'),
    WEBHOOK_HTTP_HOSTS: '127.0.0.1',
    WEBHOOK_NETWORKS: '127.0.0.0/8',
    ...(await code.writePushCredentials(simulator, path.join(folder, 'push'))),
  }
  const log = path.join(folder, 'countersign.log')
  const service = await code.startCountersign(environment, origin, log)
  undo.defer(service.stop)
  const processes = findService(otherProcesses)
  const tenants = await createTenants(service, sink)
  const approvals: string[] = []
  const onApproval = (id: string) => void approvals.push(id)
  const pushes = code.pushServiceOf(simulator)
  const workerParts = { tenants, pushes, enrollPhone: code.enrollPhone, onApproval }
  const parts = undo.move()
  let workers = 0
  return {
    name,
    processes,
    enroll: () => enrollMixedWorker(workerParts, workers++),
    check: () => sink.check(approvals),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** Tenants that have the ends of their sign-ins sent to the sink. */
export async function createTenants(
  service: Pick<Countersign, 'origin' | 'operate'>,
  sink: WebhookSink,
): Promise<readonly MixedTenant[]> {
  const tenants: MixedTenant[] = []
  while (tenants.length < tenantCount) {
    const tenant = await createTenant(service, `Tenant ${tenants.length + 1}`)
    await subscribe(tenant, sink)
    tenants.push(tenant)
  }
  return tenants
}

/** As an operator does, by commands that earlier checkouts know, too. */
async function createTenant(
  { origin, operate }: Pick<Countersign, 'origin' | 'operate'>,
  name: string,
): Promise<MixedTenant> {
  const create = async (...command: readonly string[]) =>
    (await operate(...command)) as { readonly id: string; readonly secret: string }
  const tenant = await create('tenants', 'create', '--name', name)
  const within = ['--tenant', tenant.id, '--name', name]
  const party = await create('relying-parties', 'create', ...within, '--namespace', 'bench')
  const rights = scopes.flatMap((scope) => ['--scope', scope])
  const key = await create('keys', 'create', ...within, '--relying-party', party.id, ...rights)
  return { origin, key: key.secret }
}
