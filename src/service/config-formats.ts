// How the configuration variables are written.

import { z } from 'zod'

export const wholeNumber = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`
  return z
    .string()
    .regex(/^\d+$/, error)
    .transform(Number)
    .pipe(z.number().min(least, error).max(most, error))
}
export const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.enum(values, `must be one of ${values.join(', ')}`)
export const address = (protocol: RegExp, example: string) =>
  z.url({ protocol, error: `must be an address such as ${example}` })
/** Whether the address consists of its origin only. */
export const isOriginAlone = (text: string) =>
  !URL.canParse(text) || new URL(text).href === `${new URL(text).origin}/`
export const tenCharacters = z.string().length(10, 'must be ten characters')
export const flagless = z.string().min(1)
const proxy = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])
export const proxies = z
  .string()
  .refine(
    (text) => text.split(',').every((one) => proxy.safeParse(one.trim()).success),
    'must be IP addresses or CIDR ranges, separated by commas',
  )
export const hostAndPort = z
  .string()
  .regex(/^[^\s:]+:\d{1,5}$/, 'must be host:port')
  .transform((text) => {
    const [host = '', digits = ''] = text.split(':')
    return { host, port: Number(digits) }
  })
export const masterKey = z
  .string()
  .transform((text) => Buffer.from(text, 'base64url'))
  .refine(
    (key) => key.length === 32,
    'must be 32 bytes in base64url: openssl rand 32 | basenc --base64url',
  )

/** A comma-separated list whose items must match the pattern; `as` converts the groups of each. */
export const listOf = <T>(item: RegExp, message: string, as: (groups: readonly string[]) => T) =>
  z
    .string()
    .transform((text) => text.split(',').map((one) => item.exec(one.trim())))
    .refine((matches) => !matches.includes(null), message)
    .transform((matches) => matches.flatMap((one) => (one ? [as(one.slice(1))] : [])))

export const hosts = listOf(
  /^([a-z0-9][a-z0-9.-]*|[0-9a-f:]*:[0-9a-f:]*)$/,
  'must be host names or addresses in lower case, separated by commas',
  ([host = '']) => host,
)

/** The parts of a proxy's address; undefined when it has others, or bytes that are not UTF-8. */
export function proxyAt(text: string) {
  const { hostname, port, pathname, search, hash, username, password } = new URL(text)
  if (pathname !== '/' || search !== '' || hash !== '') return undefined
  try {
    const user = decodeURIComponent(username)
    const credentials = user === '' ? null : { user, password: decodeURIComponent(password) }
    return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 80), credentials }
  } catch {
    return undefined
  }
}
