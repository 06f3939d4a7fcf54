import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { problems } from '../../src/platform/http/problem-table.ts'
import { anApp, routesOf } from '../platform/http/fixtures.ts'
import { notRun } from '../support/programs.ts'

let app: FastifyInstance
let page: Awaited<ReturnType<FastifyInstance['inject']>>
beforeAll(async () => {
  app = await anApp()
  page = await app.inject('/docs')
})
afterAll(() => app.close())

describe('GET /docs', () => {
  it('is a page that loads nothing from outside, and runs nothing but a script of ours', async () => {
    expect(page.statusCode).toBe(200)
    expect(page.body).not.toMatch(/(?:src|href)="https?:/)
    expect(page.headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    for (const [, asset] of page.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      const answer = await app.inject(asset ?? '')
      expect([asset, answer.statusCode]).toEqual([asset, 200])
    }
  })

  it('shows every operation, event, schema and problem once, and no link leads nowhere', async () => {
    const ids = [...page.body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => `${id}`)
    expect(new Set(ids).size).toBe(ids.length)
    const { components, webhooks } = (await app.describeApi()) as unknown as {
      components: { schemas: object; examples: object }
      webhooks: Record<string, { post: { operationId: string } }>
    }
    for (const { operation } of await routesOf(app)) expect(ids).toContain(operation.operationId)
    for (const { post } of Object.values(webhooks)) expect(ids).toContain(post.operationId)
    for (const name of Object.keys(components.schemas)) expect(ids).toContain(`schema-${name}`)
    for (const code of Object.keys(components.examples)) expect(ids).toContain(`problem-${code}`)
    const targets = [...page.body.matchAll(/href="#([^"]+)"/g)].map(([, id]) => `${id}`)
    expect(targets.filter((target) => !ids.includes(target))).toEqual([])
  })

  it('names at each operation the codes of its refusals', () => {
    const section = /<details id="createChallenge"[\s\S]*?<\/details>/.exec(page.body)?.[0] ?? ''
    const codes = [...section.matchAll(/#problem-(\w+)"/g)].map(([, code]) => `${code}`)
    expect(codes).toContain('no_capable_device')
    for (const code of codes) expect(problems).toHaveProperty(code)
  })

  it('escapes the texts of the description', () => {
    expect(page.body).toContain('&lt;id&gt;_&lt;secret&gt;')
    expect(page.body).not.toContain('<svg')
  })

  it('carries the version of the package', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'))
    expect((await app.inject('/docs/json')).json().info.version).toBe(version)
    expect(page.body).toContain(`<small>${version}</small>`)
  })

  it('describes the same API as /openapi.yaml', async () => {
    const json = await app.inject('/docs/json')
    const yaml = await app.inject('/openapi.yaml')
    expect(yaml.headers['content-type']).toBe('application/yaml')
    expect(Object.keys(json.json().paths).length).toBeGreaterThan(30)
    expect(yaml.body).toContain('openapi: 3.1.0')
  })
})

const executable = chromiumPath()

if (!executable) notRun('Chromium', 'chromium')
describe.runIf(executable)('the page in Chromium', () => {
  it('finds operations by words of their texts, and opens what is linked', async () => {
    await using service = await anApp()
    await service.listen({ port: 0, host: '127.0.0.1' })
    const address = `http://127.0.0.1:${(service.server.address() as AddressInfo).port}/docs`
    await using browser = await openChromium(executable ?? '')
    const tab = await browser.newPage()
    const requests: string[] = []
    const faults: string[] = []
    tab.on('request', (request) => requests.push(request.url()))
    tab.on('console', (message) => faults.push(message.text()))
    tab.on('pageerror', (error) => faults.push(String(error)))
    await tab.goto(address)
    await tab.keyboard.press('/')
    await tab.keyboard.type('rename device')
    const links = tab.locator('nav li a:visible')
    expect(await links.allInnerTexts()).toContainEqual(expect.stringMatching(/Rename/))
    expect(await links.count()).toBeLessThan(20)
    await tab.fill('#search', 'no such words')
    expect(await tab.locator('#none').isVisible()).toBe(true)
    const listedElements = 'main section :is(h2, details, dt), nav li'
    expect(await tab.locator(`:is(${listedElements}):visible`).count()).toBe(0)
    // A value of an enum of a schema that createChallenge uses.
    await tab.fill('#search', 'pull_only')
    expect(await tab.locator('main details.call:visible').count()).toBeLessThan(20)
    expect(await tab.locator('#createChallenge').isVisible()).toBe(true)
    expect(await tab.locator('#schema-DeliveryMode').isVisible()).toBe(true)
    expect(
      await tab.locator('#schemas, nav a[href="#schemas"]').and(tab.locator(':visible')).count(),
    ).toBe(2)
    expect(
      await tab
        .locator('#problems, #callers, #schema-Problem')
        .and(tab.locator(':visible'))
        .count(),
    ).toBe(0)
    await tab.fill('#search', 'scope_missing')
    expect(await tab.locator('#problem-scope_missing + dd').isVisible()).toBe(true)
    expect(await tab.locator('#problem-not_found').isVisible()).toBe(false)
    await tab.fill('#search', '')
    expect(
      await tab.locator('#problem-not_found + dd, #callers').and(tab.locator(':visible')).count(),
    ).toBe(2)
    await tab.fill('#search', 'no such words')
    await tab.goto(`${address}#createChallenge`)
    await tab.waitForSelector('#createChallenge[open]')
    expect(await tab.locator('#search').inputValue()).toBe('')
    expect(requests.filter((url) => !url.startsWith(address))).toEqual([])
    expect(faults).toEqual([])
  })
})
