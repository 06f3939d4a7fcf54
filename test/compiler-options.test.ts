import { expect, test } from 'vitest'

test('no code outside the pages can name what only a browser has', () => {
  // The compiler proves it: with the library of browsers these expectations would be errors.
  // @ts-expect-error
  expect(() => document.title).toThrow(ReferenceError)
  // @ts-expect-error
  expect(() => window.location).toThrow(ReferenceError)
})
