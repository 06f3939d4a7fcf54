import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import { forget } from '../../demo/stack.ts'
import { type PushService, pushServiceOf } from '../../simulator/push-service.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { BenchPhone, openInbox } from '../bench-phone.ts'
import { leanKeyOf } from '../lean-signing.ts'
import { answerWrong, beginsWrong } from '../mixed/wrong-number.ts'
import { findService, type ServiceProcesses } from '../process-time.ts'
import { okIn, RelyingParty } from '../relying-party.ts'
import type { Side } from '../side.ts'
import { signIn } from '../sign-in.ts'
import { appId } from '../target.ts'
import type { BareReady, BareSettings } from './main.ts'

/** Its reply to an answer that does not count; the challenge stays as it is. */
const notCountedStatus = 409

const entry = path.join(import.meta.dirname, 'main.ts')

/**
 * Starts the bare model with a folder that goes with it, and a push simulator in this process. With
 * `isMixed`, some sign-ins begin with a wrong number.
 */
export async function openBare(
  otherProcesses: readonly ServiceProcesses[],
  isMixed: boolean,
): Promise<Side> {
  await using undo = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-bare-'))
  undo.defer(() => forget(folder))
  // Where root runs this, the database runs as another user, which must be able to enter the
  // folder.
  await chmod(folder, 0o711)
  const simulator = await startSimulator()
  undo.defer(() => simulator.close())
  const apiKey = randomBytes(24).toString('base64url')
  const { keyPem, keyId, teamId } = simulator.credentials.apns
  const gateway = `https://${simulator.apns.host}:${simulator.apns.port}`
  const model = await startModel({
    folder: path.join(folder, 'data', 'postgresql'),
    apiKey,
    push: { keyPem, keyId, teamId, appId, origin: gateway, caPem: simulator.caPem },
  })
  undo.defer(model.stop)
  const processes = findService(otherProcesses)
  const parts = undo.move()
  let users = 0
  return {
    name: 'bare',
    processes,
    async enroll() {
      const { party, phone } = await enroll(model.origin, apiKey, pushServiceOf(simulator))
      let signIns = users++
      return {
        signIn: () => signInWith(party, phone, isMixed && beginsWrong(signIns++)),
        close: () => {
          party.close()
          phone.close()
        },
      }
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** Detached: Ctrl-C goes to the whole terminal group, and this process handles it. */
async function startModel(settings: BareSettings) {
  const child = fork(entry, { detached: true })
  const exit = once(child, 'exit')
  const ready = once(child, 'message') as Promise<[BareReady]>
  const stop = async () => {
    if (child.connected) child.disconnect()
    await exit
  }
  child.send(settings)
  const message = await Promise.race([ready, exit.then(() => null)])
  if (!message) throw new Error('the bare model did not start')
  return { origin: message[0].origin, stop }
}

async function enroll(origin: string, apiKey: string, pushes: PushService) {
  const party = new RelyingParty(origin, apiKey)
  const keys = await createDeviceKeys({ verification: true, extractable: true })
  const { possession, verification } = keys
  if (!verification) throw new Error('a phone of the bench has both keys')
  const pushToken = await pushes.register({ provider: 'apns', appId })
  const id = `dev_${randomBytes(16).toString('hex')}`
  const userId = `usr_${randomBytes(16).toString('hex')}`
  const jwks = { possession: possession.publicJwk, verification: verification.publicJwk }
  okIn(await party.post('/bare/devices', JSON.stringify({ id, userId, pushToken, ...jwks })))
  const user = { id: userId, displayName: userId }
  const tenant = { id: 'tnt_bare', name: 'bare' }
  const phone = new BenchPhone({
    account: { origin, issuer: origin, deviceId: id, tenant, user },
    possession: leanKeyOf(possession),
    verification: leanKeyOf(verification),
    inbox: openInbox(pushes, pushToken),
  })
  return { party, phone }
}

function signInWith(party: RelyingParty, phone: BenchPhone, beginsWithWrongNumber: boolean) {
  if (!beginsWithWrongNumber) return signIn(party, phone)
  return signIn(party, phone, (request, number) =>
    answerWrong(phone, request, number, notCountedStatus),
  )
}
