/** The holder of leases: one process. */
export type LeaseHolder = {
  /** Unique to the process during its lifetime. */
  readonly name: string
  /** True while other processes can see that it is alive. */
  isPresent(): boolean
}

/** Prefix of the name of a holder that cannot be seen; settling counts under both names. */
export const unseenPrefix = 'unseen:'

/**
 * The name to lease under at this moment. While other processes cannot see this one, its leases end
 * by timeout alone: if they were freed immediately, they would be sent twice.
 */
export function leaseName({ name, isPresent }: LeaseHolder): string {
  return isPresent() ? name : `${unseenPrefix}${name}`
}
