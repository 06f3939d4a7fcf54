// What both clients throw, as a log shows it.

import { expect, test } from 'vitest'
import { DeviceApiError } from '../../clients/device/src/device.ts'
import { RefusedCall, RefusedResult, RefusedWebhook } from '../../clients/typescript/src/client.ts'

test('an error is printed under the name of its class', () => {
  const errors = [
    new DeviceApiError('unreachable', 0, ''),
    new RefusedCall(0, 'unreachable', ''),
    new RefusedResult('expired', ''),
    new RefusedWebhook('too_old', ''),
  ]
  for (const error of errors) expect(error.name).toBe(error.constructor.name)
})
