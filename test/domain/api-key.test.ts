import { describe, expect, test } from 'vitest'
import {
  isLive,
  mayRotate,
  overlapBoundsSeconds,
  successorExpiry,
} from '../../src/domain/api-key.ts'

const now = new Date('2026-01-31T12:00:00Z')
const in_ = (seconds: number) => new Date(now.getTime() + seconds * 1000)
const live = { revokedAt: null, expiresAt: null }
const ending = { revokedAt: null, expiresAt: in_(90.5) }
const expiredKey = { revokedAt: null, expiresAt: now }
const revokedKey = { revokedAt: in_(-5), expiresAt: null }

test('a key is live until it is revoked or expires', () => {
  expect([live, ending, expiredKey, revokedKey].map((key) => isLive(key, now))).toEqual([
    true,
    true,
    false,
    false,
  ])
})

test('a key whose expiry is not a valid time is not live', () => {
  const nonsense = new Date(Number.NaN)
  expect(isLive({ revokedAt: null, expiresAt: nonsense }, now)).toBe(false)
  expect(isLive({ revokedAt: nonsense, expiresAt: null }, now)).toBe(false)
})

describe('a rotation', () => {
  test('takes a live key with at most dead relatives', () => {
    expect(mayRotate(live, [live, expiredKey, revokedKey], now)).toBeUndefined()
  })

  test('is refused for a key that is not live', () => {
    for (const key of [expiredKey, revokedKey])
      expect(mayRotate(key, [key], now)).toEqual({ refused: 'api_key_not_live' })
  })

  test('is refused if there is a second live key, until the first of them ends', () => {
    const code = 'rotation_under_way'
    expect(mayRotate(live, [live, ending], now)).toEqual({ refused: code, retryAfterSeconds: 91 })
    expect(mayRotate(live, [live, live], now)).toEqual({ refused: code })
  })
})

test('a successor lives as long as its predecessor was to live', () => {
  const createdAt = in_(-100)
  expect(successorExpiry({ createdAt, expiresAt: in_(20) }, now)).toEqual(in_(120))
  expect(successorExpiry({ createdAt, expiresAt: null }, now)).toBeNull()
})

test('an old key works beside its successor for a day unless asked otherwise, at most a week', () => {
  expect(overlapBoundsSeconds).toEqual({ min: 0, usual: 86_400, max: 604_800 })
})
