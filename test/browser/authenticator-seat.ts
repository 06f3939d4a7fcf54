// A person at a browser with the authenticator, in front of a real service.

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { RunningService } from '../support/running-service.ts'

/** What a page must never do: break its policy, fail in script, call another host. */
export type Complaints = string[]

/** One person's browser, with an empty store. */
export async function sit(
  browser: Browser,
  { origin }: Pick<RunningService, 'origin'>,
  options: BrowserContextOptions = {},
) {
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  const complaints: Complaints = []
  context.on('page', (page) => {
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      // A refused call and a lost network are written to the console by the browser itself.
      const isOfNetwork = message.text().startsWith('Failed to load resource')
      if (message.type() === 'error' && !isOfNetwork) complaints.push(message.text())
    })
  })
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (url.origin !== origin && url.protocol !== 'blob:') complaints.push(`calls ${url.origin}`)
  })
  const page = await context.newPage()
  const reads = (title: string | RegExp, of: Page = page) =>
    of.getByRole('heading', { level: 1, name: title }).waitFor()
  return { context, page, complaints, reads, [Symbol.asyncDispose]: () => context.close() }
}

export type Seat = Awaited<ReturnType<typeof sit>>

/** An enrollment of a relying party's page: its address, typed code and number. */
export async function openEnrollment({ api }: Pick<RunningService, 'api'>, user: string) {
  const { json } = await api('POST', '/v1/enrollments', { user, displayName: user })
  const number = async () => String((await api('GET', `/v1/enrollments/${json.id}`)).json.number)
  return { id: String(json.id), uri: String(json.uri), code: String(json.code), number }
}

/** Enrolls this browser by the button of the enrollment page. */
export async function enrollBrowser(
  service: RunningService,
  { page, reads }: Pick<Seat, 'page' | 'reads'>,
  user: string,
) {
  const enrollment = await openEnrollment(service, user)
  await page.goto(enrollment.uri)
  await page.getByRole('link', { name: 'Use this browser' }).click()
  await reads('Add an account')
  await page.getByRole('button', { name: 'Use this browser' }).click()
  await reads('Is this you?')
  await page.getByLabel('Number').fill(await enrollment.number())
  await page.getByRole('button', { name: 'Confirm' }).click()
  await reads('Requests')
}

/** A question to the user. */
export async function ask({ api }: RunningService, user: string, more: object = {}) {
  const { status, json, text } = await api('POST', '/v1/challenges', {
    user,
    userVerification: 'preferred',
    ...more,
  })
  if (status !== 201) throw new Error(text)
  const reading = async () => (await api('GET', `/v1/challenges/${json.id}`)).json
  return { id: String(json.id), number: String(json.number), reading }
}
