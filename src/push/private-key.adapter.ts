import { createPrivateKey, type KeyObject } from 'node:crypto'

/**
 * Throws `complaint` unless the PEM text is a private key that fits, so that a wrong key fails the
 * start and not the first push.
 */
export function requirePrivateKey(
  pem: string,
  fits: (key: KeyObject) => boolean,
  complaint: string,
): void {
  if (!readsAs(pem, fits)) throw new Error(complaint)
}

/** OpenSSL's reason for an unreadable key does not help an operator. */
function readsAs(pem: string, fits: (key: KeyObject) => boolean): boolean {
  try {
    return fits(createPrivateKey(pem))
  } catch {
    return false
  }
}
