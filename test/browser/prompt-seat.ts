// A person at a browser whom Entra has sent to a prompt, and Entra, which gets the answer.

import type { Browser, BrowserContextOptions, Route } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { openChromium } from '../../demo/chromium.ts'
import { openPrompts, type PromptScene } from '../prompts/prompt-scene.ts'
import { externalAuthProviderOf, type HintOptions } from '../support/entra-double.ts'
import { sit } from './authenticator-seat.ts'

/**
 * A scene and a browser for the tests of a file, which calls this within its `describe`; each
 * is there from the first test on.
 */
export function openForTests(executablePath: string | undefined) {
  let scene: PromptScene
  let browser: Browser
  let clientId: string
  beforeAll(async () => {
    scene = await openPrompts()
    clientId = await scene.ofEntra()
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await scene?.[Symbol.asyncDispose]()
  })
  return () => ({ scene, browser, clientId })
}

/** One person's browser; what it posts to Entra is checked there and never leaves the machine. */
export async function sitAtPrompt(
  browser: Browser,
  scene: PromptScene,
  options: BrowserContextOptions = {},
) {
  const { service, entra } = scene
  const seat = await sit(browser, service, options)
  const { page, context } = seat
  const answers: string[] = []
  const forms = new Map<string, Record<string, string>>()
  const entraPage = externalAuthProviderOf('global')
  const entraStart = 'https://login.microsoftonline.com/start'

  async function answerAsEntra(route: Route) {
    const fields = Object.fromEntries(new URLSearchParams(route.request().postData() ?? ''))
    const form = forms.get(fields.state ?? '')
    const { origin, tenantId } = service
    const issuer = `${origin}/t/${tenantId}/oidc`
    const jwks = (await (await fetch(`${issuer}/jwks`)).json()) as never
    const clientId = form?.client_id ?? ''
    const nonce = form?.nonce ?? ''
    const state = form?.state ?? ''
    const verdict = await entra.decide(fields, { issuer, jwks, clientId, nonce, state })
    answers.push(verdict)
    await route.fulfill({ contentType: 'text/html', body: `<h1>Entra: ${verdict}</h1>` })
  }
  await context.route(entraPage, answerAsEntra)
  await context.route(entraStart, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<h1>Entra</h1><form method="post"></form>' }),
  )

  /** Comes from a page of Entra, which posts its form to us. */
  async function arrive(clientId: string, hint: HintOptions = {}, of = page) {
    const form = await scene.entraForm(clientId, hint)
    forms.set(String(form.state), form)
    await of.goto(entraStart)
    const action = `${service.origin}/t/${service.tenantId}/oidc/authorize`
    const fields = Object.entries(form)
      .map(([name, value]) => `<input name="${name}" value="${value.replaceAll('"', '&quot;')}">`)
      .join('')
    await of.setContent(
      `<h1>Entra</h1><form method="post" action="${action}">${fields}<button>Go</button></form>`,
    )
    await Promise.all([of.waitForURL(/\/prompt\//), of.click('button')])
  }

  /** The number that the page shows. */
  const number = async (of = page) =>
    (await of.locator('.code [aria-hidden]').textContent())?.replaceAll(/\D/g, '') ?? ''
  const foreignHosts = () => seat.complaints.filter((one) => !one.endsWith('microsoftonline.com'))

  return { ...seat, arrive, number, answers, complaints: seat.complaints, foreignHosts }
}
