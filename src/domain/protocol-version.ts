// Versions of the device protocol (docs/protocol.md).

import { type Refusal, refuse } from './refusal.ts'

/** A device speaks the first version unless it says otherwise. */
export const firstVersion = 1
/** The newest that the service speaks. */
export const newestVersion = 2

/**
 * Versions that a device may name. It may be newer than the service, which then speaks its own
 * newest to it.
 */
export const versionBounds = { min: firstVersion, max: 1000 } as const

/** True for a version that a device may name. */
export function isProtocolVersion(value: unknown): value is number {
  return (
    Number.isInteger(value) &&
    Number(value) >= versionBounds.min &&
    Number(value) <= versionBounds.max
  )
}

/** The version in which the service and the device speak to each other. */
export function spokenVersion({ protocolVersion }: { readonly protocolVersion: number }): number {
  return Math.min(protocolVersion, newestVersion)
}

/**
 * Refuses a device whose app speaks an older version than the tenant accepts. All that it may still
 * do is report its new version, or unregister.
 */
export function checkProtocolVersion(
  { protocolVersion }: { readonly protocolVersion: number },
  { protocolVersionMin }: { readonly protocolVersionMin: number },
): Refusal<'protocol_too_old'> | undefined {
  return protocolVersion >= protocolVersionMin
    ? undefined
    : refuse('protocol_too_old', { facts: { minimumProtocolVersion: protocolVersionMin } })
}
