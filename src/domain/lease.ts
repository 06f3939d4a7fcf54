/** Whoever leases: one process. */
export type LeaseHolder = {
  /** Unique to the process, for as long as it lives. */
  readonly name: string
  /** True while the others can see that it lives. */
  isPresent(): boolean
}

/** Begins the name of a holder that cannot be seen; settling counts under both names. */
export const unseenPrefix = 'unseen:'

/**
 * The name to lease under at this moment. While the others cannot see this process its leases end with their time alone: free at
 * once, they would be sent twice.
 */
export function leaseName({ name, isPresent }: LeaseHolder): string {
  return isPresent() ? name : `${unseenPrefix}${name}`
}
