import type { Origin } from '../domain/public-origin.ts'

/** Which process showed the key that the first start created. */
export type FirstKeyDisplay = { readonly by: string; readonly at: Date }

/** What all processes of an installation must agree on. */
export interface InstallationStore {
  /** Null before the first start. */
  findOrigin(): Promise<Origin | null>
  /** Replaces the origin, if it is unchanged (compare-and-set). */
  changeOrigin(was: Origin | null, next: Origin): Promise<'done' | 'changed'>
  /** Whether any tenant has a device: phones know the origin under which they enrolled. */
  hasDevices(): Promise<boolean>
  /**
   * The process that showed the first key, while the key has neither been used nor revoked; null
   * otherwise.
   */
  findUnusedFirstKey(): Promise<FirstKeyDisplay | null>
}
