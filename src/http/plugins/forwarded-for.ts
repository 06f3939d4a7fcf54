// Some proxies write the client's port behind its address (Azure, HAProxy), which is then no address to whoever reads it.

import type { FastifyRequest } from 'fastify'

const ipv4WithPort = /^([0-9.]+):([0-9]{1,5})$/
const bracketed = /^\[([0-9A-Fa-f.:]*:[0-9A-Fa-f.:]*)\](?::([0-9]{1,5}))?$/

/** The address alone. What is written otherwise stays as it is: no address, so that it lies in no range. */
function withoutPort(element: string): string {
  const [, address, port = '0'] = ipv4WithPort.exec(element) ?? bracketed.exec(element) ?? []
  return address === undefined || Number(port) > 65_535 ? element : address
}

/**
 * Takes ports and brackets from every element of `X-Forwarded-For` before anything reads it. Whose header counts is decided
 * later, by Fastify, for the connection: this alone believes nobody.
 */
export function plainForwardedFor(
  { raw: { headers } }: FastifyRequest,
  _reply: unknown,
  done: () => void,
): void {
  const given = headers['x-forwarded-for']
  if (typeof given === 'string') {
    headers['x-forwarded-for'] = given
      .split(',')
      .map((element) => withoutPort(element.trim()))
      .join(', ')
  }
  done()
}
