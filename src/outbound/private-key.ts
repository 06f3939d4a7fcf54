import { createPrivateKey, type KeyObject } from 'node:crypto'

/** Throws `complaint` unless the PEM text is a private key that fits, so that a wrong key stops the start and not the first push. */
export function requirePrivateKey(
  pem: string,
  fits: (key: KeyObject) => boolean,
  complaint: string,
): void {
  if (!readsAs(pem, fits)) throw new Error(complaint)
}

/** The reason for an unreadable key is OpenSSL's and says nothing to an operator. */
function readsAs(pem: string, fits: (key: KeyObject) => boolean): boolean {
  try {
    return fits(createPrivateKey(pem))
  } catch {
    return false
  }
}
