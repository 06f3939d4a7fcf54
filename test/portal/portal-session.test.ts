import { describe, expect, test } from 'vitest'
import { portalCookie } from '../../src/portal/portal-session.guard.ts'
import { anApp, portalSession } from '../platform/http/fixtures.ts'

describe('the cookie of the portal', () => {
  test('is bound to the host on https, and has another name on plain http', () => {
    expect(portalCookie('https://countersign.example')).toMatchObject({
      name: '__Host-countersign-portal',
      options: { secure: true, httpOnly: true, sameSite: 'strict', path: '/' },
    })
    expect(portalCookie('http://localhost:8080')).toMatchObject({
      name: 'countersign-portal',
      options: { secure: false, httpOnly: true, sameSite: 'strict', path: '/' },
    })
  })

  test('is set as its name demands: secure, no domain, for every path', async () => {
    await using app = await anApp({
      openPortal: async () => ({ session: portalSession, cookie: 'value' }),
    })
    const answer = await app.inject({
      method: 'POST',
      url: '/portal/v1/sessions',
      headers: { 'sec-fetch-site': 'same-origin' },
      payload: { tenantId: portalSession.tenantId, token: 'A'.repeat(43) },
    })
    const [name, ...attributes] = String(answer.headers['set-cookie']).split('; ')
    expect(name).toBe('__Host-countersign-portal=value')
    expect(attributes.toSorted()).toEqual([
      'HttpOnly',
      'Max-Age=900',
      'Path=/',
      'SameSite=Strict',
      'Secure',
    ])
  })
})
