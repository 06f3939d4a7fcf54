/** Between which an admin switches a user or an enrolled device. */
export const suspensionStatuses = ['active', 'suspended'] as const
export type SuspensionStatus = (typeof suspensionStatuses)[number]
