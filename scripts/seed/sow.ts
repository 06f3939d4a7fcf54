import { chainAudit, signAuditHeads } from '../../src/audit/chain-audit.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { scopes } from '../../src/domain/scope.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { createPortalLink } from '../../src/portal/portal-sessions.ts'
import { createApiKey } from '../../src/tenants/api-keys.ts'
import { createRelyingParty, createTenant } from '../../src/tenants/tenants.ts'
import { enrollPhone, mustGrant } from './enroll-phone.ts'
import type { Installation } from './installation.ts'
import { moveToMoment, pauseAuditChain, readMark } from './past.ts'
import {
  anyCourse,
  type Company,
  companies,
  dayMs,
  namespace,
  personAt,
  phoneAt,
  phonesOf,
  signInTimes,
} from './people.ts'
import { type SignIn, writeSignIns } from './sign-ins.ts'

export type Size = {
  /** In each tenant. */
  readonly users: number
  readonly days: number
}

/** How to look around in a seeded tenant. */
export type SeededTenant = {
  readonly name: string
  readonly tenantId: string
  /** A key with all scopes, of its first relying party. */
  readonly apiKey: string
  readonly signInCount: number
  readonly user: string
  readonly portalUrl: string
  readonly enrollmentId: string
  readonly enrollmentUri: string
}

async function setUpParties(installation: Installation, { name, parties }: Company) {
  const tenant = mustGrant(await createTenant(installation, name, 'operator'))
  const principals: (Principal & { readonly secret: string })[] = []
  for (const party of parties) {
    const { id, name: rpName } = mustGrant(
      await createRelyingParty(
        installation,
        { tenantId: tenant.id, name: party, namespaces: [namespace] },
        'operator',
      ),
    )
    const command = { tenantId: tenant.id, rpId: id, name: 'seed', scopes, expiresAt: null }
    const { key, secret } = mustGrant(await createApiKey(installation, command, 'operator'))
    const rights = { keyId: key.id, scopes, namespaces: [namespace] }
    principals.push({ tenantId: tenant.id, rpId: id, rpName, ...rights, secret })
  }
  const [first] = principals
  if (!first) throw new Error(`${name} has no relying party`)
  return { tenantId: tenant.id, principals, first }
}

type Parties = Awaited<ReturnType<typeof setUpParties>>

/** Enrolls everybody in the first third of the time, and decides when they sign in. */
async function enrollPeople(
  installation: Installation,
  { tenantId, principals, first }: Parties,
  { users, days }: Size,
  [start, end]: readonly [Date, Date],
): Promise<SignIn[]> {
  const policy = await installation.tenants.findPolicy(tenantId, first.rpId)
  const signingKid = (await installation.keys.list(tenantId)).find(
    ({ status }) => status === 'active',
  )?.kid
  if (signingKid === undefined) throw new Error(`${tenantId} has no signing key`)
  const signIns: SignIn[] = []
  for (let index = 0; index < users; index++) {
    const moment = new Date(start.getTime() + (index / users) * (days / 3) * dayMs)
    installation.setMoment(moment)
    const mark = await readMark(installation.database)
    const phones = []
    for (let count = 0; count < phonesOf(index); count++) {
      phones.push(await enrollPhone(installation, first, personAt(index), phoneAt(index + count)))
    }
    await moveToMoment(installation.database, tenantId, mark, moment)
    for (const at of signInTimes(moment, end)) {
      const principal = principals[Math.floor(Math.random() * principals.length)]
      const phone = phones[Math.floor(Math.random() * phones.length)]
      if (!principal || !phone) throw new Error('nobody to sign in')
      signIns.push({ principal, policy, signingKid, phone, at, course: anyCourse() })
    }
  }
  return signIns
}

async function linkAuditRecord(installation: Installation): Promise<void> {
  let more = true
  while (more) more = await chainAudit(installation, 500)
  more = true
  while (more) more = await signAuditHeads(installation, 100, 0)
}

async function waysIn(installation: Installation, principal: Principal) {
  const { address } = personAt(0)
  const { uri, enrollment } = mustGrant(
    await openEnrollment(installation, principal, { user: address }),
  )
  const link = mustGrant(await createPortalLink(installation, principal, enrollment.userId))
  const { id: enrollmentId } = enrollment
  return { user: address, portalUrl: link.url, enrollmentId, enrollmentUri: uri }
}

/**
 * Sows the companies, each a tenant of its own, with people, phones and sign-ins of the last days.
 * People and phones go through the use cases; sign-ins are written in sets. The audit record is
 * linked and signed at the end, whole.
 */
export async function sow(installation: Installation, size: Size): Promise<SeededTenant[]> {
  const now = installation.clock.now()
  const start = new Date(now.getTime() - size.days * dayMs)
  // An hour of room, so that no sign-in ends in the future.
  const end = new Date(now.getTime() - dayMs / 24)
  const seededTenants: SeededTenant[] = []
  for (const company of companies) {
    const resumeAuditChain = await pauseAuditChain(installation.url, installation.schema)
    try {
      installation.setMoment(start)
      const mark = await readMark(installation.database)
      const parties = await setUpParties(installation, company)
      await moveToMoment(installation.database, parties.tenantId, mark, start)
      const signIns = await enrollPeople(installation, parties, size, [start, end])
      await writeSignIns(installation, signIns)
      installation.setMoment(now)
      seededTenants.push({
        name: company.name,
        tenantId: parties.tenantId,
        apiKey: parties.first.secret,
        signInCount: signIns.length,
        ...(await waysIn(installation, parties.first)),
      })
    } finally {
      await resumeAuditChain()
    }
  }
  await linkAuditRecord(installation)
  return seededTenants
}
