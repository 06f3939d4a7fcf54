// Which apps and platforms a tenant still accepts.

import { type Device, isBrowser } from './device.ts'
import type { Policy } from './policy.ts'
import { type Refusal, refuse } from './refusal.ts'

type AppOf = Pick<Device, 'appId' | 'appVersion' | 'platform'>
type AppPolicy = Pick<Policy, 'appVersionsMin' | 'retiredPlatforms' | 'browserDevices'>

const leading = /^([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})(-)?(?![0-9.])/

/**
 * The numbers of a version, and whether it comes before the release of that name (`3.2.0-beta`);
 * undefined for text that is not a version.
 */
function readVersion(text: string): { numbers: number[]; early: boolean } | undefined {
  const match = leading.exec(text)
  if (!match?.[1]) return undefined
  return { numbers: match[1].split('.').map(Number), early: match[2] !== undefined }
}

/**
 * True when `version` is `minimum` or later. A version that cannot be read is not: it fails closed.
 */
export function isAtLeast(version: string, minimum: string): boolean {
  const [actual, least] = [readVersion(version), readVersion(minimum)]
  if (!actual || !least) return false
  for (let at = 0; at < 4; at++) {
    const difference = (actual.numbers[at] ?? 0) - (least.numbers[at] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return !actual.early
}

/** Least versions of one app in the policy; there may be several, and all count. */
function minimaOf(appId: string, { appVersionsMin }: AppPolicy): string[] {
  return appVersionsMin.flatMap((item) => {
    const at = item.lastIndexOf('@')
    return item.slice(0, at) === appId ? [item.slice(at + 1)] : []
  })
}

/**
 * Refuses an app that is older than the tenant accepts, or whose platform is retired, as all
 * browsers are where the tenant accepts none: it may lack a
 * protection that the tenant relies on. All that it may still do is report its new version or
 * unregister.
 */
export function checkApp(
  device: AppOf,
  policy: AppPolicy,
): Refusal<'platform_retired' | 'app_too_old'> | undefined {
  const isRefused = policy.browserDevices === 'refused' && isBrowser(device)
  if (isRefused || policy.retiredPlatforms.includes(device.platform)) {
    return refuse('platform_retired', { facts: { platform: device.platform } })
  }
  const minimum = minimaOf(device.appId, policy).find(
    (least) => !isAtLeast(device.appVersion, least),
  )
  return minimum === undefined
    ? undefined
    : refuse('app_too_old', { facts: { minimumVersion: minimum } })
}
