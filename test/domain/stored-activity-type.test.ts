import { expect, test } from 'vitest'
import { activityTypes } from '../../src/domain/activity.ts'
import {
  activityTypeOf,
  storedActivityType,
  storedSpellings,
} from '../../src/domain/stored-activity-type.ts'

test('every activity type is read back from the text under which it is stored', () => {
  const texts = activityTypes.map(storedActivityType)
  expect(new Set(texts).size).toBe(activityTypes.length)
  expect(texts.map(activityTypeOf)).toEqual(activityTypes)
})

test('the types of enrollments are stored as the audit chain has hashed them', () => {
  expect(storedActivityType('enrollment_claimed')).toBe(storedSpellings.enrollment_claimed)
  expect(storedActivityType('device_added')).toBe('device_added')
})

test('a text of another spelling is never shown', () => {
  for (const text of Object.values(storedSpellings)) expect(activityTypes).not.toContain(text)
})
