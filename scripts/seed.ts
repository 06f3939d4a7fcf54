// Entry of `npm run seed`: data to look around in. Never for production.

import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { loggerOptions } from '../src/platform/http/logging.ts'
import { type Config, readConfig } from '../src/service/config.ts'
import { messageOf, StartFault } from '../src/service/start-fault.ts'
import { openInstallation } from './seed/installation.ts'
import { type SeededTenant, type Size, sow } from './seed/sow.ts'

const usage = `npm run seed -- [options]

  --users <n>   people in each of the two tenants, 1 to 500 (default 40)
  --days <n>    days of sign-ins until now, 1 to 90 (default 30)
  --add         also into a database that has tenants
  --help        this text

Fills the database that the environment names (docs/configuration.md; by default the embedded one)
with tenants, relying parties, keys, people, phones and their sign-ins, to look around in. Never for
production: the people are fictitious, and keys with all scopes are printed.`

const options = {
  users: { type: 'string', default: '40' },
  days: { type: 'string', default: '30' },
  add: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

function readSize(values: { readonly users: string; readonly days: string }): Size {
  const [users, days] = [Number(values.users), Number(values.days)]
  const isSound = (value: number, max: number) =>
    Number.isInteger(value) && value > 0 && value <= max
  if (!isSound(users, 500)) throw new StartFault('--users takes 1 to 500')
  if (!isSound(days, 90)) throw new StartFault('--days takes 1 to 90')
  return { users, days }
}

/**
 * Seeds the configured database. Refuses one that has tenants, unless they are added to; a
 * production service is not told apart in any other way.
 */
export async function seed(
  config: Config,
  size: Size,
  { add = false }: { readonly add?: boolean } = {},
): Promise<SeededTenant[]> {
  // Signed heads are in the database as well; what fails is thrown.
  const log = pino(loggerOptions('silent'), { write: () => undefined })
  const installation = await openInstallation(config, log)
  try {
    const tenants = await installation.tenants.listTenants()
    if (tenants.length > 0 && !add) {
      throw new StartFault(
        `This database has tenants (${tenants[0]?.name}, ...). Name an empty one with DATABASE_URL ` +
          'or DATA_FOLDER, or add to it with --add. Never seed production.',
      )
    }
    return await sow(installation, size)
  } finally {
    await installation.close()
  }
}

/** What to do with a tenant: its key, and ways in. */
export function describeTenant(one: SeededTenant, origin: string): string {
  return `${one.name}: ${one.signInCount} sign-ins
  tenant    ${one.tenantId}
  API key   KEY=${one.apiKey}   # all scopes
            curl -H 'Authorization: Bearer '$KEY ${origin}/v1/challenges
  portal    ${one.portalUrl}
            what ${one.user} sees; opens once, within minutes
  a phone   npm run phone -- --file .countersign/${one.tenantId}.json --uri '${one.enrollmentUri}'
            one more phone of ${one.user}, within minutes; the number that it asks for:
            curl -H 'Authorization: Bearer '$KEY ${origin}/v1/enrollments/${one.enrollmentId}
`
}

async function main(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...words], options })
  if (values.help) {
    console.log(usage)
    return
  }
  const config = readConfig(process.env)
  const size = readSize(values)
  console.log('Seeding. Never do this to a database of production ...')
  const startedAt = performance.now()
  const tenants = await seed(config, size, { add: values.add })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const origin = config.publicOrigin ?? `http://localhost:${config.port}`
  console.log(`\nDone in ${seconds} s. Start the service, with the same environment: npm start\n`)
  for (const tenant of tenants) console.log(describeTenant(tenant, origin))
  console.log('The audit record is whole: npm run countersign -- audit verify')
}

if (import.meta.main) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(messageOf(error))
    process.exitCode = 1
  })
}
