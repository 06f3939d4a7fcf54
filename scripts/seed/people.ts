// Fictitious companies and people, and when they sign in.

export type Company = {
  readonly name: string
  /** Its relying parties, each with the namespace of the user names that it uses. */
  readonly parties: readonly string[]
}

/** Both tenants use the same namespace, and some of the same names: they are nevertheless apart. */
export const companies: readonly Company[] = [
  { name: 'Larkfield', parties: ['Staff portal', 'Payroll', 'VPN'] },
  { name: 'Harbour Clinic', parties: ['Patient records', 'Remote desktop'] },
]
export const namespace = 'mail'

const firstNames =
  'Alice Bruno Chiara Daniel Emeka Farah Goran Hanna Ines Jonas Kenji Leila Mateo Nadia'.split(' ')
const lastNames = 'Albers Brandt Costa Dumont Eriksen Ferreira Gupta Haddad Ito Jansen'.split(' ')
const places = ['Lisbon', 'Hamburg', 'Lagos', 'Osaka', 'Montreal', 'Porto Alegre']
const browsers = ['Firefox on Linux', 'Safari on macOS', 'Edge on Windows', 'Chrome on Android']
const models = [
  { platform: 'ios', model: 'iPhone 17', osVersion: '26.1' },
  { platform: 'android', model: 'Pixel 10', osVersion: '16' },
  { platform: 'android', model: 'Fairphone 6', osVersion: '15' },
] as const

const hourMs = 3_600_000
export const dayMs = 24 * hourMs

function pick<T>(list: readonly T[], index: number): T {
  const one = list[index % list.length]
  if (one === undefined) throw new Error('nothing to pick from')
  return one
}

const anyOf = <T>(list: readonly T[]) => pick(list, Math.floor(Math.random() * list.length))

export type Person = { readonly address: string; readonly displayName: string }

/** The person at this place; the first is always Alice. */
export function personAt(index: number): Person {
  const first = pick(firstNames, index)
  const round = Math.floor(index / firstNames.length)
  const last = pick(lastNames, index + round)
  const more = Math.floor(index / (firstNames.length * lastNames.length))
  const address = `${first}.${last}${more === 0 ? '' : more}@example.com`.toLowerCase()
  return { address, displayName: `${first} ${last}` }
}

/** The phone at this place; every fifth person has two. */
export const phoneAt = (index: number) => pick(models, index)
export const phonesOf = (index: number) => (index % 5 === 4 ? 2 : 1)

export type Course = 'approve' | 'approve_second_try' | 'deny' | 'report' | 'expire' | 'cancel'

const courses: readonly (readonly [course: Course, percent: number])[] = [
  ['approve', 84],
  ['approve_second_try', 4],
  ['deny', 3],
  ['report', 1],
  ['expire', 5],
  ['cancel', 3],
]

/** How one sign-in goes. */
export function anyCourse(): Course {
  let remainingPercent = Math.random() * 100
  return (
    courses.find(([, percent]) => {
      remainingPercent -= percent
      return remainingPercent < 0
    })?.[0] ?? 'approve'
  )
}

/** What the phone shows. The addresses are those that no network has (RFC 5737). */
export function anyContext(application: string) {
  return {
    application,
    action: 'Sign in',
    ip: `203.0.113.${1 + Math.floor(Math.random() * 254)}`,
    location: anyOf(places),
    userAgent: anyOf(browsers),
  }
}

/** The times at which somebody signs in between two moments: by day, mostly on weekdays. */
export function signInTimes(from: Date, to: Date): Date[] {
  const times: Date[] = []
  for (let day = from.getTime(); day < to.getTime(); day += dayMs) {
    const midnight = new Date(day)
    midnight.setUTCHours(0, 0, 0, 0)
    const isWeekend = [0, 6].includes(midnight.getUTCDay())
    if (isWeekend && Math.random() < 0.8) continue
    for (const hour of [7, 12]) {
      const at = midnight.getTime() + (hour + Math.random() * 4) * hourMs
      if (Math.random() < 0.7 && at > from.getTime() && at < to.getTime()) times.push(new Date(at))
    }
  }
  return times
}
