import { Resolver } from 'node:dns/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildEgressGuard, isPublicAddress } from '../../../src/platform/net/egress-guard.ts'
import { buildWebhookSender } from '../../../src/webhooks/webhook-sender.adapter.ts'

/** What names resolve to; each look-up takes the next address listed, the last one repeatedly. */
const zone: Record<string, string[][]> = {
  'loopback.example': [['127.0.0.1']],
  'loopback6.example': [['::1']],
  'metadata.example': [['169.254.169.254']],
  'private.example': [['10.1.2.3']],
  'mixed.example': [['93.184.215.14', '127.0.0.1']],
  'mixed6.example': [['93.184.215.14', '::ffff:127.0.0.1']],
  'rebinding.example': [['93.184.215.14'], ['127.0.0.1']],
  'nowhere.example': [[]],
  'odd.example': [['0x7f000001']],
  'zoned.example': [['fe80::1%eth0']],
  localhost: [['127.0.0.1']],
  'localhost.localdomain': [['127.0.0.1']],
  'metadata.google.internal': [['169.254.169.254']],
}
const lookups = new Map<string, number>()
async function resolve(hostname: string) {
  const answers = zone[hostname.replace(/\.$/, '')] ?? [['93.184.215.14']]
  const count = lookups.get(hostname) ?? 0
  lookups.set(hostname, count + 1)
  return answers[Math.min(count, answers.length - 1)] ?? []
}

let server: Server
let port: number
let requestCount = 0
beforeAll(async () => {
  server = createServer((_request, response) => {
    requestCount++
    response.writeHead(204).end()
  })
  server.on('connection', () => requestCount++)
  await new Promise<void>((finish) => server.listen(0, finish))
  port = (server.address() as AddressInfo).port
})
afterAll(() => new Promise((finish) => server.close(finish)))

const send = (url: string, options: Parameters<typeof buildEgressGuard>[0] = { resolve }) => {
  const sender = buildWebhookSender({ guard: buildEgressGuard(options), timeoutMs: 3_000 })
  const request = { id: 'evt_x', at: new Date(), body: '{}', secrets: ['whsec_c2VjcmV0'] }
  return sender.send({ url, ...request }).finally(() => sender.close())
}

/** P is the port of a server that listens on every local address. */
const hostile = [
  // spellings of loopback
  'https://127.0.0.1:P/',
  'https://127.1:P/',
  'https://127.0.1:P/',
  'https://2130706433:P/',
  'https://0x7f000001:P/',
  'https://0x7f.0.0.1:P/',
  'https://017700000001:P/',
  'https://0177.0.0.1:P/',
  'https://127.0.0.1.:P/',
  'https://0177.0x0.0.1:P/',
  'https://%31%32%37.0.0.1:P/',
  'https://１２７.0.0.1:P/',
  'https://127。0。0。1:P/',
  'https://127.255.255.254:P/',
  'https://[::1]:P/',
  'https://[0:0:0:0:0:0:0:1]:P/',
  'https://localhost:P/',
  'https://localhost.:P/',
  'https://LOCALHOST:P/',
  'https://app.localhost:P/',
  'https://loopback.example:P/',
  'https://loopback.example.:P/',
  'https://loopback6.example:P/',
  'https://localhost.localdomain:P/',
  // IPv4 inside IPv6
  'https://[::ffff:127.0.0.1]:P/',
  'https://[::ffff:7f00:1]:P/',
  'https://[::127.0.0.1]:P/',
  'https://[::ffff:0:127.0.0.1]:P/',
  'https://[64:ff9b::127.0.0.1]:P/',
  'https://[64:ff9b::7f00:1]:P/',
  'https://[64:ff9b:1::7f00:1]:P/',
  'https://[2002:7f00:1::]:P/',
  'https://[2001:0:7f00:1::80ff:fffe]:P/',
  'https://[2607:f8b0::5efe:7f00:1]:P/',
  'https://[2607:f8b0::200:5efe:a00:1]:P/',
  // any, private, link-local, shared
  'https://0.0.0.0:P/',
  'https://0:P/',
  'https://[::]:P/',
  'https://10.0.0.1:P/',
  'https://172.16.0.1:P/',
  'https://172.31.255.255:P/',
  'https://192.168.1.1:P/',
  'https://private.example:P/',
  'https://169.254.0.1:P/',
  'https://100.64.0.1:P/',
  'https://100.127.255.255:P/',
  'https://[fe80::1]:P/',
  'https://[fe80::1%25eth0]:P/',
  'https://zoned.example:P/',
  'https://[fec0::1]:P/',
  'https://[fc00::1]:P/',
  'https://[fd12:3456:789a::1]:P/',
  // metadata of clouds
  'https://169.254.169.254/latest/meta-data/',
  'https://[fd00:ec2::254]/',
  'https://[::ffff:169.254.169.254]/',
  'https://168.63.129.16/',
  'https://100.100.100.200/',
  'https://192.0.0.192/',
  'https://metadata.google.internal/',
  'https://metadata.example/',
  // documentation, benchmarks, protocol assignments, reserved, multicast, broadcast
  'https://192.0.2.1/',
  'https://198.51.100.1/',
  'https://203.0.113.1/',
  'https://198.18.0.1/',
  'https://192.88.99.1/',
  'https://192.0.0.8/',
  'https://192.175.48.1/',
  'https://192.52.193.1/',
  'https://240.0.0.1/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://[2001:db8::1]/',
  'https://[3fff::1]/',
  'https://[2001:2::1]/',
  'https://[2001:10::1]/',
  'https://[2001:20::1]/',
  'https://[100::1]/',
  'https://[5f00::1]/',
  'https://[4000::1]/',
  'https://[ff02::1]/',
  // names that lead to good and bad, to nothing, or to no address
  'https://mixed.example:P/',
  'https://mixed6.example:P/',
  'https://nowhere.example:P/',
  'https://odd.example:P/',
  // not https, credentials, ports, no address at all
  'http://127.0.0.1:P/',
  'http://example.com/',
  'ftp://example.com/',
  'file:///etc/passwd',
  'gopher://127.0.0.1:P/',
  'data:text/plain,x',
  'javascript:alert(1)',
  'https://user@example.com/',
  'https://user:password@example.com/',
  'https://example.com@127.0.0.1:P/',
  'https://127.0.0.1:P#@example.com/',
  'https://127.0.0.1:P\\@example.com/',
  'https://example.com/#fragment',
  'https://example.com:22/',
  'https://example.com:25/',
  'https://example.com:80/',
  'https://example.com:6379/',
  'https://example.com:5432/',
  'https://example.com:11211/',
  'https:///',
  'https://',
  '//example.com/',
  '',
  `https://example.com/${'a'.repeat(2100)}`,
]

const reasons = [
  'address_not_allowed',
  'not_a_url',
  'https_required',
  'credentials_in_url',
  'fragment_in_url',
  'port_not_allowed',
  'too_long',
]
test.each(hostile)('refuses %s before a byte is sent', async (text) => {
  expect(hostile.length).toBeGreaterThan(60)
  const before = requestCount
  const outcome = await send(text.replaceAll('P/', `${port}/`).replaceAll('P#', `${port}#`))
  expect(outcome).toMatchObject({ kind: 'failed', statusCode: null })
  expect(outcome).toHaveProperty(
    'reason',
    expect.stringMatching(new RegExp(`^(${reasons.join('|')})$`)),
  )
  expect(requestCount).toBe(before)
})

test('refuses ports below 1024 but its own, and those of services that could misread a request', () => {
  const portsOfServices = [
    ...[1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 4333, 5060],
    ...[5061, 5432, 5900, 5985, 5986, 6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679],
    ...[6697, 9042, 9092, 9200, 9300, 10080, 10250, 10255, 11211, 25672, 27017, 50000],
  ]
  const { fault } = buildEgressGuard({ resolve })
  const portsRefused: number[] = []
  for (let one = 1; one <= 65_535; one += 1) {
    if (fault(`https://example.com:${one}/`) === 'port_not_allowed') portsRefused.push(one)
  }
  const lowPorts = Array.from({ length: 1023 }, (_, at) => at + 1).filter((one) => one !== 443)
  expect(portsRefused).toEqual([...lowPorts, ...portsOfServices])
  const plain = buildEgressGuard({ resolve, httpHosts: ['dev.example'] })
  const faultsOf = [80, 81, 443, 8080].map((one) => plain.fault(`http://dev.example:${one}/`))
  expect(faultsOf).toEqual([undefined, 'port_not_allowed', 'port_not_allowed', undefined])
})

test('a lookup of one address gives the first that was checked, with its family', async () => {
  const { lookup } = buildEgressGuard({ resolve: async () => ['93.184.215.14', '2606:4700::1'] })
  const lookupAnswer = await new Promise((finish) =>
    lookup('two.example', { all: false }, (...answer) => finish(answer)),
  )
  expect(lookupAnswer).toEqual([null, '93.184.215.14', 4])
})

test('an address of 2048 characters is accepted, and no longer one', () => {
  const { fault } = buildEgressGuard({ resolve })
  const address = 'https://example.com/'.padEnd(2048, 'x')
  expect([fault(address), fault(`${address}x`)]).toEqual([undefined, 'too_long'])
})

test('a name that cannot be looked up fails by the error of the look-up, not as a refused address', async () => {
  const { lookup } = buildEgressGuard()
  // No name server is asked for it: a label has at most 63 bytes (RFC 1035, 2.3.4).
  const hostname = `${'a'.repeat(64)}.example`
  const error = await new Promise((finish) => lookup(hostname, { all: true }, finish))
  expect(error).toMatchObject({ code: 'EBADNAME' })
})

test('a name with an IPv6 address only is reached, although it has no IPv4 address', async () => {
  using four = vi.spyOn(Resolver.prototype, 'resolve4').mockRejectedValue(new Error('no data'))
  using six = vi.spyOn(Resolver.prototype, 'resolve6').mockImplementation(async () => ['2606::1'])
  const { lookup } = buildEgressGuard()
  const lookupAnswer = await new Promise((finish) =>
    lookup('six.example', { all: true }, (error, addresses) => finish(error ?? addresses)),
  )
  expect(lookupAnswer).toEqual([{ address: '2606::1', family: 6 }])
  expect([four, six].map(({ mock }) => mock.calls.length)).toEqual([1, 1])
})

test('connects to the checked address: a name that could change afterwards is resolved once', async () => {
  const { lookup } = buildEgressGuard({ resolve })
  const lookupResult = await new Promise((finish) =>
    lookup('rebinding.example', { all: true }, (error, addresses) => finish(error ?? addresses)),
  )
  expect(lookupResult).toEqual([{ address: '93.184.215.14', family: 4 }])
  expect(lookups.get('rebinding.example')).toBe(1)
  const outcome = await send(`https://rebinding.example:${port}/`)
  expect(outcome).toMatchObject({ reason: 'address_not_allowed' })
  expect(lookups.get('rebinding.example')).toBe(2)
})

test('cuts a connection that leads elsewhere after all', async () => {
  // A guard whose look-up is broken stands for an unforeseen bypass.
  const guard = buildEgressGuard({ resolve, httpHosts: ['broken.example'] })
  const lookup: typeof guard.lookup = (_name, { all }, callback) =>
    all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4)
  const sender = buildWebhookSender({ guard: { ...guard, lookup } })
  const request = { id: 'evt_x', at: new Date(), body: '{}', secrets: ['whsec_c2VjcmV0'] }
  const outcome = await sender.send({ url: `http://broken.example:${port}/`, ...request })
  sender.close()
  expect(outcome).toMatchObject({ kind: 'failed', reason: 'address_not_allowed' })
})

describe('the operator’s list is allowed, and nothing more', () => {
  const networks = ['127.0.0.0/8']
  const httpHosts = ['localhost']
  test('http to a named host at a named network', async () => {
    const url = `http://localhost:${port}/`
    expect(await send(url, { networks, httpHosts, resolve })).toEqual({
      kind: 'accepted',
      statusCode: 204,
    })
    expect(await send(url, { httpHosts, resolve })).toMatchObject({ reason: 'address_not_allowed' })
    expect(await send(url, { networks, resolve })).toMatchObject({ reason: 'https_required' })
  })

  test('not http to another host, nor another network', async () => {
    const options = { networks, httpHosts, resolve }
    expect(await send(`http://127.0.0.1:${port}/`, options)).toMatchObject({
      reason: 'https_required',
    })
    expect(await send('https://10.0.0.1/', options)).toMatchObject({
      reason: 'address_not_allowed',
    })
  })

  test('names of DNS and names of the system are both resolved', async () => {
    const url = `http://localhost:${port}/`
    expect(await send(url, { networks: ['127.0.0.0/8', '::1/128'], httpHosts })).toMatchObject({
      kind: 'accepted',
    })
    expect(await send('https://no-such-name.invalid/', {})).toMatchObject({ kind: 'failed' })
  })
})

test.each(['93.184.215.14', '1.1.1.1', '8.8.8.8', '2606:4700::1111', '2a00:1450:4001::1'])(
  '%s is public',
  (address) => {
    expect(isPublicAddress(address)).toBe(true)
  },
)
test.each(['', 'x', '1.2.3', '::ffff:1.1.1.1', '2606:4700::1111%eth0'])('%s is not', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

test.each([
  'https://example.com/',
  'https://example.com:8443/x?y=z',
  'https://1.1.1.1/',
  'https://xn--bcher-kva.example/',
])('%s may be an endpoint', (url) => {
  expect(buildEgressGuard().fault(url)).toBeUndefined()
})
