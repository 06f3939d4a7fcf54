import { test as base, expect } from 'vitest'
import type { FaultEffect } from '../../simulator/faults.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { apnsFor, recordingLog } from './push-gateway.ts'

export const SHORT_MS = 500

export const acceptance = {
  kind: 'accepted',
  providerMessageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
}
export const retry = (reason: RegExp) =>
  expect.objectContaining({ kind: 'retry', reason: expect.stringMatching(reason) })
export const misconfiguration = (reason: RegExp) => ({
  kind: 'misconfigured',
  reason: expect.stringMatching(reason),
})
export const reason = (text: string, more: object = {}): FaultEffect => ({
  kind: 'reason',
  reason: text,
  ...more,
})

/** A test on a simulator that one file shares; its faults and its log are cleared after each. */
export const test = base
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern what is needed
  .extend('fileSimulator', { scope: 'file' }, async ({}, { onCleanup }) => {
    // Loaded beforehand, so that loading takes nothing of a short deadline.
    await import('@parse/node-apn')
    const simulator = await startSimulator()
    onCleanup(() => simulator.close())
    return simulator
  })
  .extend('simulator', ({ fileSimulator }, { onCleanup }) => {
    onCleanup(() => {
      fileSimulator.faults.clear()
      fileSimulator.log.clear()
    })
    return fileSimulator
  })
  .extend(
    'attempts',
    ({ simulator }) =>
      (): number =>
        simulator.log.exchanges({ provider: 'apns' }).length,
  )
  .extend('log', () => recordingLog())
  .extend('apns', ({ simulator, log }, { onCleanup }) => {
    const apns = apnsFor(simulator, { log })
    onCleanup(() => apns.drain())
    return apns
  })
  // For cases that end in a timeout.
  .extend('hasty', ({ simulator, log }, { onCleanup }) => {
    const hasty = apnsFor(simulator, { log, deadlineMs: SHORT_MS })
    onCleanup(() => hasty.drain())
    return hasty
  })
