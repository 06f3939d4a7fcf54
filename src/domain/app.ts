// Which apps and platforms a tenant still accepts.

import type { Device } from './device.ts'
import type { Policy } from './policy.ts'
import { type Refusal, refuse } from './refusal.ts'

type AppOf = Pick<Device, 'appId' | 'appVersion' | 'platform'>
type AppPolicy = Pick<Policy, 'appVersionsMin' | 'retiredPlatforms'>

const leading = /^([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})(-)?(?![0-9.])/

/** The numbers of a version, and whether it comes before the release of that name (`3.2.0-beta`); undefined for what is none. */
function readVersion(text: string): { numbers: number[]; early: boolean } | undefined {
  const found = leading.exec(text)
  if (!found?.[1]) return undefined
  return { numbers: found[1].split('.').map(Number), early: found[2] !== undefined }
}

/** True when `version` is `minimum` or later. A version that cannot be read is not: what cannot be judged fails closed. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [given, wanted] = [readVersion(version), readVersion(minimum)]
  if (!given || !wanted) return false
  for (let at = 0; at < 4; at++) {
    const difference = (given.numbers[at] ?? 0) - (wanted.numbers[at] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return !given.early
}

/** Least versions of one app in the policy; several may stand there, and all count. */
function minimaOf(appId: string, { appVersionsMin }: AppPolicy): string[] {
  return appVersionsMin.flatMap((item) => {
    const at = item.lastIndexOf('@')
    return item.slice(0, at) === appId ? [item.slice(at + 1)] : []
  })
}

/**
 * Refuses an app that is older than the tenant accepts, or whose platform is retired: it may lack a protection that the tenant
 * counts on, so that it does nothing any more but say its new version, and leave.
 */
export function checkApp(device: AppOf, policy: AppPolicy): Refusal | undefined {
  if (policy.retiredPlatforms.includes(device.platform)) {
    return refuse('platform_retired', { facts: { platform: device.platform } })
  }
  const missed = minimaOf(device.appId, policy).find(
    (least) => !isAtLeast(device.appVersion, least),
  )
  return missed === undefined
    ? undefined
    : refuse('app_too_old', { facts: { minimumVersion: missed } })
}
