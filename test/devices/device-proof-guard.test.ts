import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { admitDevices } from '../../src/devices/device-proof.guard.ts'

test('the address of a device counts as authenticated by a success, and by nothing else', async () => {
  await using undo = new AsyncDisposableStack()
  const app = Fastify()
  undo.defer(() => app.close())
  const verifications: boolean[] = []
  admitDevices(app, {
    async serveDevice(_address, work, isVerified) {
      const outcome = await work()
      verifications.push(isVerified())
      return outcome
    },
  })
  const schema = { security: [{ deviceProof: ['possession'] }] }
  app.get('/:status', { schema }, (request, reply) => {
    const { status } = request.params as { readonly status: string }
    reply.code(Number(status))
    return { status }
  })
  for (const status of [200, 399, 400, 401, 500]) {
    const answer = await app.inject(`/${status}`)
    expect(answer.json()).toEqual({ status: `${status}` })
    expect(answer.statusCode).toBe(status)
  }
  expect(verifications).toEqual([true, true, false, false, false])
})
