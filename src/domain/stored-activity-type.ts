import type { ActivityType } from './activity.ts'

/**
 * Types that the database spells differently. The audit chain hashes the stored text, so rows of
 * every age keep one stored spelling; the API, webhooks and exports show only ours.
 */
export const storedSpellings = {
  enrollment_opened: 'enrolment_opened',
  enrollment_claimed: 'enrolment_claimed',
  enrollment_cancelled: 'enrolment_cancelled',
  enrollment_void: 'enrolment_void',
} as const satisfies Partial<Record<ActivityType, string>>

const spellings: Readonly<Partial<Record<ActivityType, string>>> = storedSpellings
const types = new Map<string, ActivityType>(
  Object.entries(storedSpellings).map(([type, text]) => [text, type as ActivityType]),
)

/** The text under which the database stores a type. */
export function storedActivityType(type: ActivityType): string {
  return spellings[type] ?? type
}

/** The type for a stored text. */
export function activityTypeOf(text: string): ActivityType {
  return types.get(text) ?? (text as ActivityType)
}
