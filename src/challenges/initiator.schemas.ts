import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import type { Initiator } from '../domain/initiator.ts'

/** The initiator of a sign-in, as a relying party names it. */
export const askedInitiator = z
  .strictObject({
    browserId: z
      .string()
      .regex(/^[\x21-\x7e]{8,128}$/)
      .exactOptional()
      .meta({
        description:
          'An id that the relying party keeps in the browser for long; never one that an ' +
          'outsider can choose or guess. One of 22 characters or more lets a reload supersede ' +
          'the pending question of the browser.',
        example: 'n4bQgYhMfWWaL-qgxVrQFa',
      }),
    ip: z
      .union([z.ipv4(), z.ipv6()])
      .exactOptional()
      .meta({
        description:
          'Where the request came from, as the relying party itself saw it: never from a ' +
          'header that an outsider can write. `context.ip` is only shown.',
      }),
  })
  .meta({
    id: 'AskedInitiator',
    description:
      'Who starts the sign-in, or types the code. A known initiator, from which the user ' +
      'signed in lately, keeps a budget of its own, which nobody else can use up; a ' +
      'reported one may start none. The browser id counts; without it, the network of ' +
      'the address; without both, all requests of the relying party are one, so that an ' +
      'outsider can use up the attempts of the user.',
    example: { browserId: 'n4bQgYhMfWWaL-qgxVrQFa' },
  })

const ipv4PrefixBits = 24
const ipv6PrefixBits = 48
// RFC 6052 and RFC 6145: an IPv4 address carried in IPv6, as gateways of IPv6-only networks write
// it.
const carriers = ['rfc6052', 'rfc6145']

/** The address that counts: IPv4 wherever IPv6 only carries it. */
function addressOf(ip: string): ipaddr.IPv4 | ipaddr.IPv6 {
  const address = ipaddr.process(ip)
  if (address.kind() === 'ipv4' || !carriers.includes(address.range())) return address
  return ipaddr.fromByteArray(address.toByteArray().slice(-4))
}

/**
 * The initiator that the rules know; undefined when nothing identifies it, or only an address that
 * identifies nobody.
 */
export function initiatorOf(
  input: z.output<typeof askedInitiator> | undefined,
): Initiator | undefined {
  if (input?.browserId !== undefined) return { kind: 'browser', id: input.browserId }
  if (input?.ip === undefined) return undefined
  const address = addressOf(input.ip)
  if (['unspecified', 'loopback'].includes(address.range())) return undefined
  const bits = address instanceof ipaddr.IPv4 ? ipv4PrefixBits : ipv6PrefixBits
  const cidr = `${address}/${bits}`
  const network =
    address instanceof ipaddr.IPv4
      ? `${ipaddr.IPv4.networkAddressFromCIDR(cidr)}`
      : ipaddr.IPv6.networkAddressFromCIDR(cidr).toNormalizedString()
  return { kind: 'network', prefix: `${network}/${bits}` }
}
