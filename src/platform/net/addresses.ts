import ipaddr from 'ipaddr.js'
import type { Addresses } from '../world.ts'

type ParsedAddress = ipaddr.IPv4 | ipaddr.IPv6

// The library also reads octal, hexadecimal and shortened spellings, which different parsers read
// as different addresses.
const plainIpv4 = /^(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}$/

function parse(text: string): ParsedAddress | undefined {
  if (!text.includes(':') && !plainIpv4.test(text)) return undefined
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined
}

function parseRange(text: string): [ParsedAddress, number] | undefined {
  const [addressText = '', bitsText, ...more] = text.split('/')
  const address = parse(addressText)
  if (!address || more.length > 0 || addressText.includes('%')) return undefined
  const bitsMax = address.kind() === 'ipv4' ? 32 : 128
  if (bitsText === undefined) return [address, bitsMax]
  // A range of IPv4 addresses written as IPv6 has its prefix length counted in 128 bits but is
  // compared in 32.
  if (addressText.includes(':') && address.kind() === 'ipv4') return undefined
  if (!/^[0-9]{1,3}$/.test(bitsText) || Number(bitsText) > bitsMax) return undefined
  return [address, Number(bitsText)]
}

/**
 * Internet addresses by ipaddr.js. An IPv4 address that arrives as IPv6 (`::ffff:192.0.2.1`) is the
 * IPv4 address.
 */
export const addresses: Addresses = {
  isRange: (text) => parseRange(text) !== undefined,
  isWithin(text, ranges) {
    const address = parse(text)
    if (!address) return false
    return ranges.some((range) => {
      const [network, bits] = parseRange(range) ?? []
      return network?.kind() === address.kind() && address.match([network, bits ?? 128] as never)
    })
  },
}
