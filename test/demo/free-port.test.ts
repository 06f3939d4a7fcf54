import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { anyPort, choosePorts } from '../../demo/free-port.ts'

/** Far from the ports that the operating system assigns by itself. */
async function somePort(): Promise<number> {
  return 10_000 + ((await anyPort()) % 20_000)
}

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)

async function occupy(port: number, host: string): Promise<void> {
  const server = createServer()
  server.listen(port, host)
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    await once(server, 'close')
  })
}

test('free ports are used as they follow from the requested one, without a message', async () => {
  const wantedPort = await somePort()
  const lines: string[] = []
  expect(await choosePorts(wantedPort, (line) => lines.push(line))).toEqual({
    service: wantedPort - 10,
    pages: wantedPort,
    control: wantedPort + 1,
  })
  expect(lines).toEqual([])
})

test.each(['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])])(
  'a port in use on %s is replaced by the next one, with a message',
  async (host) => {
    const wantedPort = await somePort()
    await occupy(wantedPort, host)
    const lines: string[] = []
    const ports = await choosePorts(wantedPort, (line) => lines.push(line))
    expect(ports).toEqual({
      service: wantedPort - 10,
      pages: wantedPort + 1,
      control: wantedPort + 2,
    })
    expect(lines).toEqual([
      `Port ${wantedPort} is taken, so the demo takes ${wantedPort + 1}.`,
      `Port ${wantedPort + 1} is taken, so the push simulator takes ${wantedPort + 2}.`,
    ])
  },
)
