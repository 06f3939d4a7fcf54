// A person at the two windows of the demo, as a script of Chromium.

import type { BrowserContext, Page } from 'playwright-core'

/** Signs in with a name; any password will do. */
export async function signIn(page: Page, user: string): Promise<void> {
  await page.getByLabel('Name').fill(user)
  await page.getByLabel('Password').fill('any')
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** The number that the sign-in page shows. */
export async function numberOn(page: Page): Promise<string> {
  return ((await page.locator('.number .for-ears').textContent()) ?? '').replaceAll(' ', '')
}

const reads = (page: Page, title: string | RegExp) =>
  page.getByRole('heading', { level: 1, name: title }).waitFor()

/** Sets up the authenticator in the window that the sign-in page opens; returns that window. */
export async function setUpInThisBrowser(context: BrowserContext, page: Page): Promise<Page> {
  const [authenticator] = await Promise.all([
    context.waitForEvent('page'),
    page.getByRole('link', { name: 'Set it up in this browser' }).click(),
  ])
  await authenticator.getByRole('link', { name: 'Use this browser' }).click()
  await authenticator.getByRole('button', { name: 'Use this browser' }).click()
  await confirm(page, authenticator)
  return authenticator
}

/** Goes on without a passkey, and types the number of the sign-in page where it is asked for. */
export async function confirm(page: Page, authenticator: Page): Promise<void> {
  await authenticator.getByRole('button', { name: 'Skip', exact: true }).click()
  await reads(authenticator, 'Is this you?')
  await authenticator.getByLabel('Number').fill(await numberOn(page))
  await authenticator.getByRole('button', { name: 'Confirm' }).click()
  await reads(authenticator, 'Requests')
}

/** Opens the request that waits, and waits until the sign-in page knows. */
export async function openRequest(page: Page, authenticator: Page): Promise<void> {
  await authenticator.getByRole('button', { name: 'Look at it' }).click()
  await reads(authenticator, /asks: is this you\?/)
  await page.getByText('Shown there').waitFor()
}

/** Types the number of the sign-in page into the request. */
export async function typeNumber(page: Page, authenticator: Page): Promise<void> {
  await authenticator.getByLabel('Number on the sign-in page').fill(await numberOn(page))
}
