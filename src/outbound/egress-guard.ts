// Where webhooks may go. Relying parties choose the address, so that without this the service could be sent to its own network.

import { lookup as lookUpSystem, Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { WebhookUrls } from '../ports/webhook.ts'
import { addresses } from './addresses.ts'

export type EgressOptions = {
  /** Hosts that may be reached by plain http; for development. */
  readonly httpHosts?: readonly string[]
  /** Networks (CIDR) that are reached although they are not public. */
  readonly networks?: readonly string[]
  /** All addresses of a name. Default: the DNS servers of the system. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>
}

export type EgressGuard = WebhookUrls & {
  /** True for an address that a connection may go to. */
  allows(address: string): boolean
  /** Gives a connection the addresses of a name only when every one of them is allowed: what was checked is what is connected to. */
  readonly lookup: LookupFunction
}

/** The `code` of the error that a refused connection ends with. */
export const egressRefused = 'EEGRESS'

class EgressError extends Error {
  readonly code = egressRefused
}

const urlLengthMax = 2048

// What ipaddr.js calls unicast and is no public server: Azure's channel from a machine to its host.
const refusedNetworks = ['168.63.129.16/32']
// All that is assigned to be routed (RFC 4291, 2.4); embedded IPv4 addresses of every kind lie outside or are refused above.
const globalUnicast = ['2000::/3']

/** True for an address that is some host of the public internet's own. What cannot be read is none. */
export function isPublicAddress(text: string): boolean {
  if (isIP(text) === 0 || text.includes('%')) return false
  const address = ipaddr.parse(text)
  if (address.range() !== 'unicast' || addresses.isWithin(text, refusedNetworks)) return false
  return address.kind() === 'ipv4' || (addresses.isWithin(text, globalUnicast) && !isIsatap(text))
}

/** An IPv6 address whose end names an IPv4 address to tunnel to (RFC 5214, 6.1). */
function isIsatap(text: string): boolean {
  const { parts } = ipaddr.IPv6.parse(text)
  return ((parts[4] ?? 0) & 0xfdff) === 0 && parts[5] === 0x5efe
}

// Services that are never a web server, and would take the request line for something else.
const refusedPorts = new Set([
  1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 4333, 5060, 5061,
  5432, 5900, 5985, 5986, 6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042,
  9092, 9200, 9300, 10_080, 10_250, 10_255, 11_211, 25_672, 27_017, 50_000,
])

function isPortAllowed({ port, protocol }: URL): boolean {
  if (port === '') return true
  const number = Number(port)
  return (
    number === (protocol === 'http:' ? 80 : 443) || (number >= 1024 && !refusedPorts.has(number))
  )
}

/** Without the brackets of IPv6 and the dot of the root. */
function plainHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

// c-ares, not getaddrinfo: a name server that keeps us waiting must not use up the threads that pushes and files need.
async function resolveByDns(hostname: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(hostname),
    resolver.resolve6(hostname),
  ])
  const found = [four, six].flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  if (found.length === 0 && four.status === 'rejected') throw four.reason
  return found
}

async function resolveBySystem(hostname: string): Promise<readonly string[]> {
  return (await lookUpSystem(hostname, { all: true })).map(({ address }) => address)
}

/** The rules for one process. Nothing is exempt unless the options name it. */
export function createEgressGuard(options: EgressOptions = {}): EgressGuard {
  const { httpHosts = [], networks = [], resolve } = options
  const isNamed = (hostname: string) => httpHosts.includes(hostname.replace(/\.$/, ''))
  const allows = (address: string) =>
    isPublicAddress(address) || addresses.isWithin(address, networks)

  async function resolveChecked(hostname: string): Promise<readonly string[]> {
    // Names of development are in the hosts file, which DNS does not know.
    const ask = resolve ?? (isNamed(hostname) ? resolveBySystem : resolveByDns)
    const found = await ask(hostname)
    if (found.length === 0 || !found.every(allows)) {
      throw new EgressError(`${hostname} leads to an address that webhooks may not go to`)
    }
    return found
  }

  return {
    allows,

    fault(text) {
      if (text.length > urlLengthMax) return 'too_long'
      if (!URL.canParse(text)) return 'not_a_url'
      const url = new URL(text)
      const host = plainHost(url)
      const plain = url.protocol === 'http:'
      if (url.protocol !== 'https:' && !(plain && isNamed(host))) return 'https_required'
      if (url.username !== '' || url.password !== '') return 'credentials_in_url'
      if (url.hash !== '') return 'fragment_in_url'
      if (!isPortAllowed(url)) return 'port_not_allowed'
      if (isIP(host) !== 0 && !allows(host)) return 'address_not_allowed'
      const isLocalName = host === 'localhost' || host.endsWith('.localhost')
      if (host === '' || (isLocalName && !isNamed(host))) return 'address_not_allowed'
      return undefined
    },

    lookup(hostname, { all }, callback) {
      resolveChecked(hostname).then(
        (found) => {
          const list = found.map((address) => ({ address, family: isIP(address) }))
          if (all) callback(null, list)
          else callback(null, list[0]?.address ?? '', list[0]?.family)
        },
        (error: NodeJS.ErrnoException) => callback(error, ''),
      )
    },
  }
}
