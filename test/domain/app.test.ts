import { describe, expect, test } from 'vitest'
import { checkApp, isAtLeast } from '../../src/domain/app.ts'

describe('a version', () => {
  test.each([
    ['3.2.0', '3.2.0'],
    ['3.2', '3.2.0'],
    ['3.2.0', '3.2'],
    ['3.10.0', '3.9.9'],
    ['4', '3.9.9.9'],
    ['3.2.1-beta', '3.2.0'],
    ['3.2.0+77', '3.2.0'],
    ['3.2.0 (77)', '3.2.0'],
  ])('%s is at least %s', (version, minimum) => {
    expect(isAtLeast(version, minimum)).toBe(true)
  })

  test.each([
    ['3.1.9', '3.2.0'],
    ['3.9.0', '3.10.0'],
    ['3.2', '3.2.0.1'],
    ['3.2.0-beta', '3.2.0'],
    ['3.2.0.0.1', '3.2.0'],
    ['v3.2.0', '3.2.0'],
    ['', '0'],
    ['latest', '0'],
    ['٣.٢', '0'],
    ['9999999999', '1'],
    ['1.', '0'],
  ])('%s is not at least %s', (version, minimum) => {
    expect(isAtLeast(version, minimum)).toBe(false)
  })
})

describe('an app', () => {
  const device = { appId: 'com.example.app', appVersion: '3.1.0', platform: 'ios' } as const
  const policy = { appVersionsMin: [], retiredPlatforms: [], browserDevices: 'allowed' } as const

  test('is accepted where the policy has no rule for it', () => {
    expect(checkApp(device, policy)).toBeUndefined()
    const others = ['com.example.app2@9', 'com.example@9']
    expect(checkApp(device, { ...policy, appVersionsMin: others })).toBeUndefined()
    expect(checkApp(device, { ...policy, retiredPlatforms: ['android'] })).toBeUndefined()
  })

  test('that is too old receives the required version; the highest of several counts', () => {
    const appVersionsMin = ['com.example.app@3.0', 'com.example.app@3.2.0']
    expect(checkApp(device, { ...policy, appVersionsMin })).toEqual({
      refused: 'app_too_old',
      facts: { minimumVersion: '3.2.0' },
    })
    const updatedDevice = { ...device, appVersion: '3.2.0' }
    expect(checkApp(updatedDevice, { ...policy, appVersionsMin })).toBeUndefined()
  })

  test('in a browser is refused where the tenant accepts none, whatever it calls itself', () => {
    const browser = { ...device, platform: 'web' } as const
    const strict = { ...policy, browserDevices: 'refused' } as const
    const refusal = (platform: string) => ({ refused: 'platform_retired', facts: { platform } })
    expect(checkApp(browser, strict)).toEqual(refusal('web'))
    expect(checkApp({ ...device, appId: 'countersign.web' }, strict)).toEqual(refusal('ios'))
    expect(checkApp(device, strict)).toBeUndefined()
    expect(checkApp(browser, policy)).toBeUndefined()
  })

  test('on a retired platform is refused whatever its version', () => {
    expect(checkApp(device, { ...policy, retiredPlatforms: ['ios'] })).toEqual({
      refused: 'platform_retired',
      facts: { platform: 'ios' },
    })
  })
})
