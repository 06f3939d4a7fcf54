// Some proxies write the client's port behind its address (Azure, HAProxy), which is then no valid
// address.

import type { FastifyRequest } from 'fastify'

const ipv4WithPort = /^([0-9.]+):([0-9]{1,5})$/
const bracketedAddress = /^\[([0-9A-Fa-f.:]*:[0-9A-Fa-f.:]*)\](?::([0-9]{1,5}))?$/

/** The address alone. Other formats stay as they are: no address, so that they are in no range. */
function withoutPort(element: string): string {
  const [, address, port = '0'] = ipv4WithPort.exec(element) ?? bracketedAddress.exec(element) ?? []
  return address === undefined || Number(port) > 65_535 ? element : address
}

/**
 * Strips ports and brackets from every element of `X-Forwarded-For` before anything reads it. Which
 * proxy is trusted is decided later, by Fastify, for the connection: this alone trusts nobody.
 */
export function plainForwardedFor(
  { raw: { headers } }: FastifyRequest,
  _reply: unknown,
  done: () => void,
): void {
  const header = headers['x-forwarded-for']
  if (typeof header === 'string') {
    headers['x-forwarded-for'] = header
      .split(',')
      .map((element) => withoutPort(element.trim()))
      .join(', ')
  }
  done()
}
