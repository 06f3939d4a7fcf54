/** A VAPID key as stored; its public half is its name. */
export type StoredVapidKey = { readonly publicKey: string; readonly privateSealed: Uint8Array }

/** The VAPID keys of the installation, which all of its tenants share. */
export interface VapidKeyStore {
  /** The public half of the key under which browsers subscribe; null before the first. */
  findCurrent(): Promise<string | null>
  /** A key, current or former; null when the installation never had it. */
  find(publicKey: string): Promise<StoredVapidKey | null>
  /** Adds the first key; does nothing when there is a current one. */
  addFirst(key: StoredVapidKey): Promise<void>
  /**
   * Makes this key the current one in place of `former`, which stays for the browsers that
   * subscribed under it; `changed` when another is current.
   */
  rotate(former: string, next: StoredVapidKey): Promise<'done' | 'changed'>
}
