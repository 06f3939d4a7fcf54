// The drill of docs/how-to/back-up-and-restore.md: after a restore to an earlier state, later
// revocations are applied again.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { cluster, onServer } from '../support/cluster.ts'
import { runCommand } from '../support/command-line.ts'
import { createWaitDoor } from '../support/doors.ts'
import { createApi, enrollPhone, startTestService } from '../support/running-service.ts'

vi.setConfig({ testTimeout: 60_000 })

test('what was revoked after the backup is revoked again after the restore', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-restore-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const revocationLog = path.join(folder, 'revocations.jsonl')
  const service = stack.use(await startTestService({ revocationLog }))
  const { api } = service
  const [lostPhone, pausedPhone, keptPhone] = [
    await enrollPhone(service),
    await enrollPhone(service),
    await enrollPhone(service),
  ]
  const party = await api('POST', '/v1/relying-parties', { name: 'P', namespaces: ['default'] })
  const key = { relyingPartyId: party.json.id, name: 'stolen' }
  const stolenKey = await api('POST', '/v1/api-keys', key)
  const thief = createApi(service.origin, stolenKey.json.secret)
  const [removedDoor, stoppedDoor, rotatedDoor, open] = [
    await createWaitDoor(service),
    await createWaitDoor(service),
    await createWaitDoor(service),
    await createWaitDoor(service),
  ]
  const doors = [removedDoor, stoppedDoor, rotatedDoor, open]
  const atDoors = async () => {
    const question = { username: 'nobody', number: '123456' }
    return (await Promise.all(doors.map((door) => door.ask(question)))).map(({ status }) => status)
  }
  const doorStatuses = await atDoors()
  expect(doorStatuses).toEqual([404, 404, 404, 404])
  const hook = { url: 'https://127.0.0.1:9443/', events: ['user.unlocked'] }
  const endpoint = await api('POST', '/v1/webhook-endpoints', hook)
  expect(endpoint.status).toBe(201)

  const name = new URL(service.database.url).pathname.slice(1)
  const copy = `${name}_backup`
  const { adminUrl } = await cluster()
  const onCluster = (text: string) => onServer(adminUrl, (client) => client.query(text))
  stack.defer(async () => void (await onCluster(`drop database if exists "${copy}" with (force)`)))
  await service.restart(
    async () => void (await onCluster(`create database "${copy}" template "${name}"`)),
  )

  await api('POST', `/v1/devices/${lostPhone.deviceId}/unregister`, { reason: 'stolen' })
  await api('PATCH', `/v1/devices/${pausedPhone.deviceId}`, { status: 'suspended' })
  await api('PATCH', `/v1/devices/${keptPhone.deviceId}`, { status: 'suspended' })
  await api('PATCH', `/v1/devices/${keptPhone.deviceId}`, { status: 'active' })
  await api('POST', `/v1/api-keys/${stolenKey.json.id}/revoke`)
  await api('DELETE', `/v1/integrations/${removedDoor.id}`)
  await stoppedDoor.change({ status: 'paused' })
  await api('POST', `/v1/integrations/${rotatedDoor.id}/rotate`, { overlapSeconds: 0 })
  await open.change({ status: 'paused' })
  await open.change({ status: 'active' })
  await api('DELETE', `/v1/webhook-endpoints/${endpoint.json.id}`)
  const later = await enrollPhone(service, { user: 'bob' })
  await later.client.unregister()

  await service.restart(async () => {
    await onCluster(`drop database "${name}" with (force)`)
    await onCluster(`alter database "${copy}" rename to "${name}"`)
  })
  // The backup does not contain it: this is the reason for the drill.
  expect(await lostPhone.client.self()).toMatchObject({ status: 'active' })
  expect((await thief('GET', '/v1/tenant')).status).toBe(200)
  expect(await atDoors()).toEqual(doorStatuses)

  const environment = {
    DATABASE_URL: service.database.url,
    MASTER_KEY: service.config.masterKeys.current?.toString('base64url') ?? '',
  }
  const apply = async () => {
    const lines = await readFile(revocationLog, 'utf8')
    const words = ['revocations', 'apply', '--json']
    const { code, stdout } = await runCommand(words, environment, `${lines}{"revocation":"cut`)
    return { code, ...JSON.parse(stdout) }
  }
  expect(await apply()).toEqual({ code: 1, applied: 7, already: 0, unknown: 1, unreadable: 1 })
  const refusal = { code: 'device_unregistered' }
  await expect(lostPhone.client.self()).rejects.toMatchObject(refusal)
  await expect(pausedPhone.client.pending()).rejects.toMatchObject({ code: 'device_suspended' })
  expect(await keptPhone.client.self()).toMatchObject({ status: 'active' })
  expect((await thief('GET', '/v1/tenant')).status).toBe(401)
  expect(await atDoors()).toEqual([401, 403, 401, 404])
  expect((await api('GET', '/v1/webhook-endpoints')).json.items).toEqual([])
  // Removed objects no longer exist.
  expect(await apply()).toMatchObject({ applied: 0, already: 5, unknown: 3 })
})
