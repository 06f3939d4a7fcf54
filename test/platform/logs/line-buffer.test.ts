import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { buildLineBuffer } from '../../../src/platform/logs/line-buffer.ts'

function aBuffer() {
  const texts: string[] = []
  const lastTexts: string[] = []
  const buffer = buildLineBuffer(
    { write: (text) => texts.push(text) },
    { write: (text) => lastTexts.push(text) },
  )
  return { texts, lastTexts, buffer }
}

test('the lines of one turn are written by one call, in their order', async () => {
  const { texts, buffer } = aBuffer()
  buffer.write('one\n')
  buffer.write('two\n')
  expect(texts).toEqual([])
  await turn()
  expect(texts).toEqual(['one\ntwo\n'])
  buffer.write('three\n')
  await turn()
  expect(texts).toEqual(['one\ntwo\n', 'three\n'])
})

test('what is there when the process ends is written once, and not in the background', async () => {
  const { texts, lastTexts, buffer } = aBuffer()
  buffer.write('last\n')
  buffer.flushSync()
  expect(lastTexts).toEqual(['last\n'])
  await turn()
  buffer.flushSync()
  expect([texts, lastTexts]).toEqual([[], ['last\n']])
})

test('a burst does not wait for the turn to end, so that it holds little memory', () => {
  const { texts, buffer } = aBuffer()
  const line = `${'x'.repeat(999)}\n`
  for (let count = 0; count < 200; count++) buffer.write(line)
  expect(texts.length).toBeGreaterThan(1)
  expect(texts.every((text) => text.length < 100_000)).toBe(true)
})
