import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { checkEveryMs, checkWhileShown } from '../../demo/web/phone/foreground.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('the phone checks for requests while its app is shown, and not otherwise', async () => {
  let isShown = true
  const check = vi.fn(async () => undefined)
  const checkNow = checkWhileShown(() => isShown, check)
  await vi.advanceTimersByTimeAsync(3 * checkEveryMs)
  expect(check).toHaveBeenCalledTimes(3)
  isShown = false
  checkNow()
  await vi.advanceTimersByTimeAsync(3 * checkEveryMs)
  expect(check).toHaveBeenCalledTimes(3)
  isShown = true
  checkNow()
  expect(check).toHaveBeenCalledTimes(4)
})

test('the phone makes one check at a time, and another one after one that failed', async () => {
  const fail: ((error: Error) => void)[] = []
  const check = vi.fn(() => new Promise<void>((_, reject) => fail.push(reject)))
  checkWhileShown(() => true, check)
  await vi.advanceTimersByTimeAsync(3 * checkEveryMs)
  expect(check).toHaveBeenCalledTimes(1)
  fail[0]?.(new Error('offline'))
  await vi.advanceTimersByTimeAsync(checkEveryMs)
  expect(check).toHaveBeenCalledTimes(2)
})
