// Where webhooks may go. Relying parties choose the address, so without this check the service
// could be directed into its own network (SSRF).

import { lookup as lookUpSystem, Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { addresses } from './addresses.ts'
import type { WebhookUrls } from './egress.store.ts'

export type EgressOptions = {
  /** Hosts that plain http may reach; for development. */
  readonly httpHosts?: readonly string[]
  /** Networks (CIDR) that are reached although they are not public. */
  readonly networks?: readonly string[]
  /** All addresses of a name. Default: the DNS servers of the system. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>
}

export type EgressGuard = WebhookUrls & {
  /** True when a connection to the address is allowed. */
  allows(address: string): boolean
  /**
   * Gives a connection the addresses of a name only when every one of them is allowed: the
   * connection goes to the addresses that were checked.
   */
  readonly lookup: LookupFunction
}

/** The `code` of the error that a refused connection ends with. */
export const egressErrorCode = 'EEGRESS'

class EgressError extends Error {
  readonly code = egressErrorCode
}

const urlLengthMax = 2048

// Unicast by ipaddr.js, but no public server: Azure's channel from a machine to its host.
const refusedNetworks = ['168.63.129.16/32']
// All that is assigned to be routed (RFC 4291, 2.4); embedded IPv4 addresses of every kind are
// outside this range or refused above.
const globalUnicast = ['2000::/3']

/**
 * True for the own address of a host on the public internet; false for text that is not an address.
 */
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

// Ports of services that are never a web server and could misread the request line.
const refusedPorts = new Set([
  1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 4333, 5060, 5061,
  5432, 5900, 5985, 5986, 6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042,
  9092, 9200, 9300, 10_080, 10_250, 10_255, 11_211, 25_672, 27_017, 50_000,
])

function isPortAllowed({ port }: URL): boolean {
  // The port of the scheme, which URL leaves out.
  if (port === '') return true
  const number = Number(port)
  return number >= 1024 && !refusedPorts.has(number)
}

/** Without the brackets of IPv6 and the dot of the root. */
function plainHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

// c-ares, not getaddrinfo: a slow name server must not occupy the threads that pushes and files
// need.
async function resolveByDns(hostname: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(hostname),
    resolver.resolve6(hostname),
  ])
  const resolvedAddresses = [four, six].flatMap((one) =>
    one.status === 'fulfilled' ? one.value : [],
  )
  if (resolvedAddresses.length === 0 && four.status === 'rejected') throw four.reason
  return resolvedAddresses
}

async function resolveBySystem(hostname: string): Promise<readonly string[]> {
  return (await lookUpSystem(hostname, { all: true })).map(({ address }) => address)
}

/** The guard of one process. Nothing is exempt unless the options name it. */
export function buildEgressGuard(options: EgressOptions = {}): EgressGuard {
  const { httpHosts = [], networks = [], resolve } = options
  const isNamed = (hostname: string) => httpHosts.includes(hostname.replace(/\.$/, ''))
  const allows = (address: string) =>
    isPublicAddress(address) || addresses.isWithin(address, networks)

  async function resolveAllowed(hostname: string): Promise<readonly string[]> {
    // Development names are in the hosts file, which DNS does not read.
    const ask = resolve ?? (isNamed(hostname) ? resolveBySystem : resolveByDns)
    const resolvedAddresses = await ask(hostname)
    if (resolvedAddresses.length === 0 || !resolvedAddresses.every(allows)) {
      throw new EgressError(`${hostname} leads to an address that webhooks may not go to`)
    }
    return resolvedAddresses
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
      resolveAllowed(hostname).then(
        (resolvedAddresses) => {
          const list = resolvedAddresses.map((address) => ({ address, family: isIP(address) }))
          if (all) callback(null, list)
          else callback(null, list[0]?.address ?? '', list[0]?.family)
        },
        (error: NodeJS.ErrnoException) => callback(error, ''),
      )
    },
  }
}
