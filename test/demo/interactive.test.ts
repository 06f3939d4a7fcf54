import { expect, test } from 'vitest'
import { anyPort } from '../../demo/free-port.ts'
import { appId } from '../../demo/push-credentials.ts'
import { connectPushService } from '../../simulator/push-service.ts'
import { createVirtualPhone } from '../../simulator/virtual-phone.ts'
import { until } from '../support/until.ts'
import { reachableFolder, runDemo } from './demo-process.ts'
import { openBrowser } from './sign-in-calls.ts'

/** The demo with its pages, and where its parts listen. */
async function startDemo(folder: string, port: number) {
  const demo = runDemo(['--folder', folder, '--port', String(port)])
  await until('the addresses', () => demo.printed().includes('Ctrl-C'), 60_000)
  const address = (what: string) =>
    new RegExp(`${what} +(http://[^/ ]+)`).exec(demo.printed())?.[1] ?? ''
  return {
    ...demo,
    pages: address('Sign-in page'),
    service: address('API docs'),
    control: address('Push log'),
  }
}

async function isGone(origin: string): Promise<boolean> {
  return fetch(`${origin}/health/live`).then(
    () => false,
    () => true,
  )
}

test('the demo signs a new user in; Ctrl-C and a kill end all of it, and users are kept', async () => {
  const folder = await reachableFolder()
  const port = 10_000 + ((await anyPort()) % 20_000)
  const demo = await startDemo(folder, port)
  const browser = openBrowser(demo.pages)
  const pushes = await connectPushService(demo.control)
  const phone = await createVirtualPhone({
    pushes,
    provider: 'fcm',
    appId,
    name: "Ada's phone",
  })

  const { step } = await browser.send('', { user: 'Ada', password: 'any' })
  expect(step).toMatchObject({ name: 'enroll', status: 'open', isFurther: false })
  await phone.enroll((await browser.see('enroll')).uri)
  const claimedStep = await browser.see('enroll', ({ status }) => status === 'claimed')
  await phone.confirm(claimedStep.number ?? '')

  const approveStep = await browser.see('approve', ({ phones }) => phones[0]?.stage === 'sent')
  await phone.nextPush(approveStep.id)
  await phone.pending()
  await browser.see('approve', ({ phones }) => phones[0]?.stage === 'opened')
  await phone.approve(approveStep.number)
  const signedIn = await browser.see('signed_in')
  expect(signedIn.proof).toMatchObject({
    device: "Ada's phone (Virtual Android)",
    isUserVerified: true,
    claims: { cid: approveStep.id, decision: 'approved' },
  })
  const { happenings } = await browser.send('')
  expect(happenings.map(({ what }) => what)).toEqual(
    expect.arrayContaining(['long poll returned', 'verified the signed result']),
  )

  // Unknown initiators wake the phone once and then no more; the approved browser still wakes it.
  const name = { user: 'Ada', password: 'any' }
  const stranger = await openBrowser(demo.pages).send('', name)
  expect(stranger.step).toMatchObject({ name: 'approve', isPullOnly: false, suppression: null })
  const next = await openBrowser(demo.pages).send('', name)
  expect(next.step).toMatchObject({ isPullOnly: true, suppression: 'recently_unanswered' })
  const mine = await browser.send('', name)
  expect(mine.step).toMatchObject({ isPullOnly: false, suppression: null })

  // Waits are pending, at the page and at the service, while the demo is stopped.
  await browser.send('', name)
  await pushes.close()
  demo.kill('SIGINT')
  expect(await demo.ended, demo.printed() + demo.complaints()).toBe(0)
  expect(await isGone(demo.service)).toBe(true)

  const again = await startDemo(folder, port)
  const reply = await openBrowser(again.pages).send('', { user: 'Ada', password: 'any' })
  expect(reply.step.name).toBe('approve')
  again.kill('SIGKILL')
  await again.ended
  await until('the service has gone', () => isGone(again.service))
}, 120_000)

test('Ctrl-C during the start prints one line, exits with 130 and leaves nothing behind', async () => {
  const port = 20_000 + ((await anyPort()) % 10_000)
  const demo = runDemo(['--folder', await reachableFolder(), '--port', String(port)])
  await until('it starts', () => demo.printed().includes('Starting'), 60_000)
  demo.interrupt()
  expect(await demo.ended).toBe(130)
  expect(demo.printed().trimEnd().split('\n').slice(1)).toEqual(['Stopped before it had started.'])
  expect(demo.complaints()).toBe('')
  await until('the service is gone', () => isGone(`http://localhost:${port - 10}`), 20_000)
})
