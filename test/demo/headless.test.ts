import { readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { reachableFolder, runDemo } from './demo-process.ts'

test('the headless demo plays every story against the real service, ends with 0 and leaves nothing behind', async () => {
  const temporary = await reachableFolder()
  const demo = runDemo(['--headless'], { TMPDIR: temporary })

  expect(await demo.ended, demo.printed() + demo.complaints()).toBe(0)

  const output = demo.printed()
  for (const ending of [
    /^1 {2}Approve.*?ok: approved/ms,
    /^2 {2}Deny.*?ok: user_denied/ms,
    /^3 {2}Wrong number.*?refused, 2 attempts left.*?ok: approved/ms,
    /^4 {2}Lost phone.*?refused, device_unregistered.*?ok: user_reported/ms,
    /^5 {2}The caller's own number.*?ok: approved/ms,
    /^6 {2}Prompt bombing.*?challenge 1 of 20: push.*?challenge 2 of 20: pull_only.*?challenge 4 of 20: too_many_pending.*?rang twice.*?ok: approved/ms,
    /^7 {2}A reload.*?cancelled.*?rang once.*?ok: approved/ms,
    /^8 {2}A Dutch phone.*?"Aanmelding: .*?"Het getal klopt niet\.".*?ok: approved/ms,
  ]) {
    expect(output).toMatch(ending)
  }
  const step = (who: string, what: string) => new RegExp(`^ +\\d+ ms {2}${who} +${what}`, 'm')
  expect(output).toMatch(step('Countersign', 'created chl_'))
  expect(output).toMatch(step('APNs \\(simulated\\)', 'accepted the push'))
  expect(output).toMatch(step('FCM \\(simulated\\)', 'accepted the push'))
  expect(output).toMatch(step('phone', 'woke up, fetched and verified the request'))
  expect(output).toMatch(step('phone', 'posted its signed answer'))
  expect(output).toMatch(step('sign-in page', 'long poll returned'))
  expect(output).toMatch(step('sign-in page', 'verified the result token'))
  expect(demo.complaints()).toBe('')

  const origin = /http:\/\/localhost:\d+/.exec(output)?.[0]
  await expect(fetch(`${origin}/health/live`)).rejects.toThrow()
  expect((await readdir(temporary)).filter((name) => name.startsWith('countersign-demo-'))).toEqual(
    [],
  )
}, 90_000)

test.each([
  [['--port', '99999'], '--port takes a number between 1034 and 32767'],
  [
    ['--public-origin', 'https://push.example.com/demo'],
    '--public-origin takes an origin, such as https://push.example.com',
  ],
])('an invalid command line prints the reason and exits with 1: %j', async (args, reason) => {
  const demo = runDemo(args)
  expect(await demo.ended).toBe(1)
  expect(demo.complaints()).toBe(`${reason}\n`)
})
