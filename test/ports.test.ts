import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort, startListener } from './support/ports.ts'

const listen = `require('node:net').createServer().listen(Number(process.argv[1]), '127.0.0.1',
  () => console.log('listens'))`

const options = {
  name: 'a listener',
  program: process.execPath,
  isListening: ({ output }: { output: () => string }) => output().includes('listens'),
}

test('a port that is in use, for TCP or for UDP, is not free', async () => {
  const server = createServer().listen((await freePort()) + 1, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const forTcp = typeof address === 'object' ? address?.port : undefined
  expect(await freePort()).not.toBe(forTcp)
  server.close()
  const socket = createSocket('udp4').bind((await freePort()) + 1, '127.0.0.1')
  await once(socket, 'listening')
  expect(await freePort()).not.toBe(socket.address().port)
  socket.close()
})

test('a program whose port was taken meanwhile is started on another', async () => {
  const portInUse = await freePort()
  const server = createServer().listen(portInUse, '127.0.0.1')
  await once(server, 'listening')
  const picks = [portInUse]
  await using listener = await startListener({
    ...options,
    prepare: async (port) => ({ words: ['-e', listen, String(port)] }),
    pick: async () => picks.pop() ?? freePort(),
  })
  expect(picks).toEqual([])
  expect(listener.port).not.toBe(portInUse)
  server.close()
})

test('a program that ends for another reason is not started again, and its output says why', async () => {
  let starts = 0
  const start = startListener({
    ...options,
    async prepare() {
      starts++
      return { words: ['-e', 'throw "a wrong setting"'] }
    },
  })
  await expect(start).rejects.toThrow('a wrong setting')
  expect(starts).toBe(1)
})
