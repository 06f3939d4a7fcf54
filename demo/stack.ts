import { chmod, mkdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { type PushService, pushServiceOf } from '../simulator/push-service.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { type Countersign, startCountersign } from './countersign-process.ts'
import { firstAccount, type Provisioning, provision } from './provisioning.ts'
import { writePushCredentials } from './push-credentials.ts'

/** Everything that a demo needs besides its pages. */
export type Stack = Provisioning & {
  readonly simulator: Simulator
  readonly pushes: PushService
  readonly service: Countersign
  /** Where the service keeps its database and its master key. */
  readonly dataFolder: string
  /** What configures the service, and further processes of it. */
  readonly environment: Readonly<Record<string, string>>
  stop(): Promise<void>
}

export type StackOptions = {
  readonly relyingParty?: 'own' | 'first'
  /** In front of a proxy on this machine; null, as by default: the service's own address. */
  readonly publicOrigin?: string | null
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * Starts the push simulator, the service with its own database, and creates the relying party; with
 * `first` the one of the service's first start is used, which takes no command. `environment` is
 * added to that of the service. Stops what it started when it throws.
 */
export async function startStack(
  folder: string,
  servicePort: number,
  options: StackOptions = {},
): Promise<Stack> {
  const { publicOrigin = null } = options
  await mkdir(folder, { recursive: true })
  // Where root starts the demo the database runs as another user, which must be able to enter the
  // folder.
  await chmod(folder, 0o711)
  const simulator = await startSimulator()
  const stopAll: (() => Promise<void>)[] = [() => simulator.close()]
  const stop = async () => {
    for (const step of stopAll.splice(0).reverse()) await step()
  }
  try {
    const push = await writePushCredentials(simulator, path.join(folder, 'push'))
    const environment = {
      PORT: String(servicePort),
      DATA_FOLDER: dataFolder(folder),
      ...push,
      ...(publicOrigin && { PUBLIC_ORIGIN: publicOrigin, TRUST_PROXY: '127.0.0.1,::1' }),
      ...options.environment,
    }
    const origin = `http://localhost:${servicePort}`
    const service = await startCountersign(environment, origin, logFile(folder))
    stopAll.push(service.stop)
    const provisioning = await (options.relyingParty === 'first'
      ? firstAccount(service, logFile(folder))
      : provision(service, folder, publicOrigin ?? origin))
    return {
      ...provisioning,
      simulator,
      pushes: pushServiceOf(simulator),
      service,
      dataFolder: dataFolder(folder),
      environment,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function logFile(folder: string): string {
  return path.join(folder, 'countersign.log')
}

function dataFolder(folder: string): string {
  return path.join(folder, 'data')
}

/**
 * Where the database of root is when its account cannot reach the folder; see `location` in the
 * database's folder.
 */
const rootStore = '/var/lib/countersign/postgres-'

/** Deletes everything of earlier runs. */
export async function forget(folder: string): Promise<void> {
  const note = path.join(dataFolder(folder), 'postgresql', 'location')
  const elsewhere = (await readFile(note, 'utf8').catch(() => '')).trim()
  if (elsewhere.startsWith(rootStore)) await rm(elsewhere, { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
}
