import { parseArgs } from 'node:util'
import { startControl } from './control.ts'
import { startSimulator } from './simulator.ts'

const USAGE = `npm run simulator -- [options]
  --host <address>          listening address of all parts (127.0.0.1)
  --port <number>           control API (a free port)
  --apns-port <number>      APNs gateway (a free port)
  --fcm-port <number>       FCM gateway and token endpoint (a free port)
  --web-push-port <number>  push services of browsers (a free port)
  --bundle-id <id>          an app of the APNs team; may be repeated
  --project-id <id>         the Firebase project
  --allow-origin <url>      a page origin besides loopback that may use the control API; may be repeated
  --exit-with-parent        end when standard input closes
Prints one line of JSON with the addresses; keys and the CA come from GET {control}/configuration.`

function readPort(name: string, value: string | undefined): number {
  const port = Number(value ?? 0)
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port
  throw new Error(`--${name} must be a port number between 0 and 65535`)
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string' },
      'apns-port': { type: 'string' },
      'fcm-port': { type: 'string' },
      'web-push-port': { type: 'string' },
      'bundle-id': { type: 'string', multiple: true },
      'project-id': { type: 'string' },
      'allow-origin': { type: 'string', multiple: true, default: [] },
      'exit-with-parent': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  return values
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options.help) {
    console.log(USAGE)
    return
  }
  const { host } = options
  const bundleIds = options['bundle-id']
  const projectId = options['project-id']
  const simulator = await startSimulator({
    host,
    apnsPort: readPort('apns-port', options['apns-port']),
    fcmPort: readPort('fcm-port', options['fcm-port']),
    webPushPort: readPort('web-push-port', options['web-push-port']),
    ...(bundleIds === undefined ? {} : { bundleIds }),
    ...(projectId === undefined ? {} : { projectId }),
  })
  const allowedOrigins = options['allow-origin']
  const port = readPort('port', options.port)
  const control = await startControl(simulator, { host, port, allowedOrigins })
  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    await Promise.all([control.close(), simulator.close()])
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
  if (options['exit-with-parent']) process.stdin.on('close', () => void stop()).resume()
  const { apns, fcm, webPush } = simulator
  console.log(JSON.stringify({ apns, fcm, webPush, control: control.url }))
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
