import { describe, expect, test } from 'vitest'
import {
  isFailingForDays,
  isSubscribedTo,
  originOf,
  retryDelayMs,
} from '../../src/domain/webhook-endpoint.ts'
import { lifetimeSeconds, type WebhookEventType } from '../../src/domain/webhook-event.ts'

const waits = (type: WebhookEventType, chance = 0) =>
  Array.from({ length: 12 }, (_, n) => retryDelayMs(type, n + 1, chance)).map((ms) =>
    ms === null ? null : ms / 1000,
  )

test('a filter passes what it names, the star passes everything, and a test always passes', () => {
  expect(isSubscribedTo({ events: ['*'] }, 'challenge.approved')).toBe(true)
  expect(isSubscribedTo({ events: ['device.registered'] }, 'device.registered')).toBe(true)
  expect(isSubscribedTo({ events: ['device.registered'] }, 'device.suspended')).toBe(false)
})

describe('the next attempt', () => {
  test('of a challenge comes at 1, 3, 8, 20, 40 seconds and goes on', () => {
    expect(waits('challenge.approved')).toEqual([1, 2, 5, 12, 20, 30, 30, 30, 30, 30, 30, 30])
  })

  test('of others follows Standard Webhooks, ten times in all', () => {
    const hour = 3600
    expect(waits('device.registered')).toEqual([
      5,
      300,
      1800,
      2 * hour,
      5 * hour,
      10 * hour,
      14 * hour,
      20 * hour,
      24 * hour,
      null,
      null,
      null,
    ])
  })

  test('that is late by jitter still comes before it is stale', () => {
    const total = waits('device.registered', 0.999).reduce<number>((sum, s) => sum + (s ?? 0), 0)
    expect(total).toBeLessThan(lifetimeSeconds('device.registered'))
    expect(retryDelayMs('challenge.denied', 1, 0.5)).toBe(1100)
  })

  test('waits longer when the endpoint asks for it, and never shorter', () => {
    expect(retryDelayMs('challenge.denied', 1, 0, 60_000)).toBe(60_000)
    expect(retryDelayMs('device.registered', 2, 0, 1_000)).toBe(300_000)
    expect(retryDelayMs('device.registered', 10, 0, 1_000)).toBeNull()
  })
})

test('an endpoint counts as failing for days five days from its first failure to its last', () => {
  const failingSince = new Date('2026-01-01T00:00:00Z')
  const lastFailedAt = new Date('2026-01-06T00:00:00Z')
  expect(isFailingForDays({ failingSince, lastFailedAt })).toBe(true)
  expect(isFailingForDays({ failingSince, lastFailedAt: new Date('2026-01-05T23:59:59Z') })).toBe(
    false,
  )
  expect(isFailingForDays({ failingSince: null, lastFailedAt })).toBe(false)
  expect(isFailingForDays({ failingSince, lastFailedAt: null })).toBe(false)
})

test('auditors see scheme, host and port of an address, and no part that may be secret', () => {
  const url = 'https://user:secret@hooks.example.com:8443/path/secret?token=secret#secret'
  expect(originOf({ url })).toBe('https://hooks.example.com:8443')
})
