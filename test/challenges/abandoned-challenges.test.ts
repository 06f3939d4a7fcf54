import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IntegrationSettings } from '../../src/domain/integration.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { askToFollow } from '../../src/doors/auth-api/ask-as-shown.ts'
import { buildIntegrationUsage } from '../../src/doors/integration-usage.ts'
import { createIntegration } from '../../src/doors/integrations.ts'
import { askForRealm } from '../../src/doors/keycloak/keycloak.ts'
import { buildRealms } from '../../src/doors/keycloak/realms.adapter.ts'
import { showNumber } from '../../src/doors/shown-numbers.ts'
import { systemClock } from '../../src/platform/net/clock.ts'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import { aLog } from '../push/provider.ts'
import { until } from '../support/until.ts'
import { aPhone, aPrincipal, granted, openWorld, type World } from '../support/world.ts'

const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
const realms = buildRealms({ guard, ca: [], clock: systemClock })
const issuer = 'http://127.0.0.1/realms/staff'
const place = { address: '203.0.113.7', host: 'bastion' }
const context = { action: 'Sign in' }

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const away = async () => {
  throw new Error('the database is away')
}

/**
 * A client at a door whose challenge is created while the database goes away: nothing is kept, and
 * the first attempt to cancel fails.
 */
async function aClient(settings: IntegrationSettings) {
  const principal = await aPrincipal(world)
  const { userId } = await aPhone(world, principal)
  const { tenantId, rpId, rpName, namespaces } = principal
  const scope = { tenantId, rpId, actor: 'operator' } as const
  const { integration } = await granted(
    createIntegration({ ...world, realms }, scope, { rpId, name: 'Bastion', settings }),
  )
  const integrationId = integration.id
  const door = { tenantId, rpId, rpName, namespaces, integrationId, policy: {} }
  let attempts = 0
  const cancel: World['challenges']['cancel'] = (...args) =>
    ++attempts === 1 ? away() : world.challenges.cancel(...args)
  const dependencies = {
    ...world,
    realms,
    integrationUsage: buildIntegrationUsage(world.integrations, systemClock, aLog().log),
    challenges: { ...world.challenges, cancel },
    doors: { ...world.doors, follow: away },
    keycloakCallbacks: { enqueue: away },
  }
  return { dependencies, tenantId, userId, entry: { door, integration } }
}

type Client = Awaited<ReturnType<typeof aClient>>

async function askAsTerminal({ dependencies, entry, userId }: Client) {
  const number = await showNumber(world, entry, { ...place, userId }, 6, false)
  if (isRefusal(number)) throw new Error(number.refused)
  const user = { name: 'alice' }
  const question = { ...place, user, shownNumber: number.id, requiresOffer: false, context }
  return askToFollow(dependencies, entry, question)
}

function askAsRealm({ dependencies, entry }: Client) {
  const expiresAt = new Date(Date.now() + 120_000)
  const realmToken = { issuer, jti: 'one', clientId: 'payroll', expiresAt }
  const question = { userName: 'alice', number: '483920', context }
  return askForRealm(dependencies, entry, { token: 'token', realmToken }, question)
}

test.each([
  [
    'no client can come back for',
    {
      kind: 'duo_auth_api',
      sha1Allowed: false,
      failOpenAllowed: false,
      enrollmentAllowed: false,
      legacyV1Allowed: false,
    },
    askAsTerminal,
  ],
  [
    'no realm is called back about',
    { kind: 'keycloak_ciba', issuers: [issuer], clientIds: [], secretInPath: false },
    askAsRealm,
  ],
] as const)(
  'a challenge that %s is cancelled, also when the first attempt fails',
  async (_, settings, askAs) => {
    const client = await aClient(settings)
    await expect(askAs(client)).rejects.toThrow('away')
    const text = 'select status from challenges where tenant_id = $1'
    await until('it is cancelled', async () => {
      const [row] = await world.database.query<{ status: string }>('status', text, [
        client.tenantId,
      ])
      return row?.status === 'cancelled'
    })
  },
)
