import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { anyPort, choosePorts } from '../../demo/free-port.ts'

/** Far from the ports that the operating system hands out by itself. */
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

test('ports that are free are taken as they follow from the one that is wanted, without a word', async () => {
  const wanted = await somePort()
  const said: string[] = []
  expect(await choosePorts(wanted, (line) => said.push(line))).toEqual({
    service: wanted - 10,
    pages: wanted,
    control: wanted + 1,
  })
  expect(said).toEqual([])
})

test.each(['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])])(
  'a port that is taken on %s is replaced by the next one, and that is said',
  async (host) => {
    const wanted = await somePort()
    await occupy(wanted, host)
    const said: string[] = []
    const ports = await choosePorts(wanted, (line) => said.push(line))
    expect(ports).toEqual({ service: wanted - 10, pages: wanted + 1, control: wanted + 2 })
    expect(said).toEqual([
      `Port ${wanted} is taken, so the demo takes ${wanted + 1}.`,
      `Port ${wanted + 1} is taken, so the push simulator takes ${wanted + 2}.`,
    ])
  },
)
