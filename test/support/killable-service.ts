import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Simulator } from '../../simulator/simulator.ts'
import { until } from './until.ts'

/** A service in a process of its own, which a test kills. */
export type Process = { readonly child: ChildProcess; readonly output: () => string }

/** Starts it, and waits until it listens. */
export async function start(environment: Record<string, string>): Promise<Process> {
  const child = spawn(process.execPath, ['bin/service.js'], {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'error', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  child.stdout?.on('data', (data) => (text += data))
  child.stderr?.on('data', (data) => (text += data))
  await until(
    'the service listens',
    () => {
      if (child.exitCode !== null) throw new Error(text)
      return /listens on|Worker running/.test(text)
    },
    60_000,
  )
  return { child, output: () => text }
}

/** The environment of a service on this database that pushes to the simulator. */
export async function environmentOf(
  simulator: Simulator,
  url: string,
  port: number,
  folder: string,
) {
  const caFile = path.join(folder, 'ca.pem')
  await writeFile(caFile, simulator.caPem)
  const { keyPem, keyId, teamId, bundleIds } = simulator.credentials.apns
  return {
    DATABASE_URL: url,
    MASTER_KEY: 'k'.repeat(43),
    PORT: String(port),
    PUBLIC_ORIGIN: `http://127.0.0.1:${port}`,
    APNS_KEY: keyPem,
    APNS_KEY_ID: keyId,
    APNS_TEAM_ID: teamId,
    APNS_BUNDLE_ID: `${bundleIds[0]}`,
    APNS_ADDRESS: `${simulator.apns.host}:${simulator.apns.port}`,
    APNS_CA_FILE: caFile,
  }
}

/** `kill -9`, and waits until it is gone. */
export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exit
}
