import { parseArgs } from 'node:util'

export const usage = `npm run bench -- [options]

  --concurrency <n,...>  sign-ins under way at a time, one level each (1,8,32,64)
  --seconds <n>          how long each level is measured, after a warm-up (10)
  --platform <name>      phones that are pushed to: ios, android or mixed (ios)
  --url <origin>         measure a running service, without pushes; the default starts one. It leaves a user bench-...
                         with a phone behind for each sign-in under way: do not measure a service that people use
  --key <key>            API key for --url, with the scopes challenges:write and enrollments:write
  --json                 one line of JSON instead of the table
  --help                 this text`

export const platforms = ['ios', 'android', 'mixed'] as const
export type Platforms = (typeof platforms)[number]

export type BenchOptions = {
  readonly concurrency: readonly number[]
  readonly seconds: number
  readonly platforms: Platforms
  /** A service that runs already; null starts one. */
  readonly service: { readonly origin: string; readonly key: string } | null
  readonly json: boolean
  readonly help: boolean
}

const concurrencyMax = 1000
const secondsMax = 3600

/** Reads the command line. Throws with what is wrong in words. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      concurrency: { type: 'string', default: '1,8,32,64' },
      seconds: { type: 'string', default: '10' },
      platform: { type: 'string', default: 'ios' },
      url: { type: 'string' },
      key: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const concurrency = values.concurrency.split(',').map(Number)
  if (!concurrency.every((level) => isWithin(level, concurrencyMax) && Number.isInteger(level))) {
    throw new Error(`--concurrency takes whole numbers from 1 to ${concurrencyMax}, with commas`)
  }
  const seconds = Number(values.seconds)
  if (!isWithin(seconds, secondsMax)) {
    throw new Error(`--seconds takes a number from 1 to ${secondsMax}`)
  }
  const chosen = platforms.find((platform) => platform === values.platform)
  if (!chosen) throw new Error(`--platform takes one of ${platforms.join(', ')}`)
  const { json, help } = values
  return { concurrency, seconds, platforms: chosen, service: serviceOf(values), json, help }
}

function isWithin(value: number, max: number): boolean {
  return value >= 1 && value <= max
}

function serviceOf({ url, key }: { url?: string; key?: string }): BenchOptions['service'] {
  if (url === undefined && key === undefined) return null
  if (url === undefined || key === undefined) throw new Error('--url and --key go together')
  const parsed = URL.parse(url)
  if (!parsed?.protocol.startsWith('http')) {
    throw new Error('--url takes the public origin of a service, for example http://localhost:8080')
  }
  return { origin: parsed.origin, key }
}
