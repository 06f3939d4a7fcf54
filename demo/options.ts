import path from 'node:path'
import { parseArgs } from 'node:util'

export const usage = `npm run demo -- [options]

  --headless      no pages: sign-ins by scripted phones, printed with their times; ends by itself
  --port <n>      port of the demo pages (8090); the service takes n - 10, the push simulator n + 1
  --no-open       open no browser
  --public-origin <origin>
                  where phones reach the service through a proxy of yours: https://push.example.com
  --fresh         delete all users and devices of earlier runs first
  --folder <dir>  where the demo stores its data (.countersign/demo)
  --help          this text`

export type DemoOptions = {
  readonly headless: boolean
  /** Port of the demo's pages. */
  readonly port: number
  /** Whether the pages are opened in the browser of this machine, where it has one. */
  readonly opens: boolean
  /** The address of the service in front of a proxy; null: this computer alone. */
  readonly publicOrigin: string | null
  readonly fresh: boolean
  /**
   * Null: the usual place for the pages, a folder that is removed afterwards for a headless run.
   */
  readonly folder: string | null
  readonly help: boolean
}

const defaultPort = 8090
/**
 * Below the ports that operating systems hand out by themselves, so that no other program listens
 * there by chance.
 */
const portsMax = 32_767
const portsMin = 1_034

/** The service checks the rest: that it is https, and is the one that phones know it by. */
function readOrigin(text: string | undefined): string | null {
  if (text === undefined) return null
  const url = URL.parse(text)
  if (!url || url.href !== `${url.origin}/`) {
    throw new Error('--public-origin takes an origin, such as https://push.example.com')
  }
  return url.origin
}

/** Reads the command line. Throws with a description of the fault. */
export function readOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      headless: { type: 'boolean', default: false },
      port: { type: 'string' },
      'no-open': { type: 'boolean', default: false },
      'public-origin': { type: 'string' },
      fresh: { type: 'boolean', default: false },
      folder: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const { headless, fresh, folder, help } = values
  const port = Number(values.port ?? defaultPort)
  if (!Number.isInteger(port) || port < portsMin || port > portsMax) {
    throw new Error(`--port takes a number between ${portsMin} and ${portsMax}`)
  }
  return {
    headless,
    port,
    opens: !values['no-open'],
    publicOrigin: readOrigin(values['public-origin']),
    fresh,
    folder: folder === undefined ? null : path.resolve(folder),
    help,
  }
}
