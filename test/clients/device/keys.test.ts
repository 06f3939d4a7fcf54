import { describe, expect, test } from 'vitest'
import {
  createDeviceKeys,
  exportDeviceKeys,
  importDeviceKeys,
} from '../../../clients/device/src/keys.ts'
import { signatures } from './stand-in.ts'

describe('device keys', () => {
  test('cannot be exported from the runtime unless created as extractable', async () => {
    const keys = await createDeviceKeys({ verification: true })
    expect(keys.possession.privateKey.extractable).toBe(false)
    expect(keys.verification?.privateKey.extractable).toBe(false)
    await expect(exportDeviceKeys(keys)).rejects.toThrow()
  })

  test('are two different keys, each identified by its thumbprint as the service computes it', async () => {
    const { possession, verification } = await createDeviceKeys({ verification: true })
    expect(verification?.kid).not.toBe(possession.kid)
    expect(await signatures.thumbprint(possession.publicJwk)).toBe(possession.kid)
  })

  test.each([true, false])(
    'survive a file store, non-extractable afterwards (verification: %s)',
    async (verification) => {
      const keys = await createDeviceKeys({ verification, extractable: true })
      const exportedKeys = JSON.parse(JSON.stringify(await exportDeviceKeys(keys)))
      const back = await importDeviceKeys(exportedKeys)
      expect(back.possession.kid).toBe(keys.possession.kid)
      expect(back.possession.publicJwk).toEqual(keys.possession.publicJwk)
      expect(back.verification?.kid).toBe(keys.verification?.kid)
      expect(back.possession.privateKey.extractable).toBe(false)
    },
  )

  test('a public key is not accepted as a private one', async () => {
    const { possession } = await createDeviceKeys({ verification: false })
    const exportedKeys = { possession: { ...possession.publicJwk }, verification: null }
    await expect(importDeviceKeys(exportedKeys)).rejects.toThrow('private key')
  })
})
