// The part of http_ece that the tests use; it has no types of its own.
declare module 'http_ece' {
  import type { ECDH } from 'node:crypto'

  type Parameters = {
    readonly version: 'aes128gcm'
    readonly privateKey: ECDH
    /** The other side's public key in base64url; for decryption it is in the header. */
    readonly dh?: string
    readonly authSecret: string
  }
  export function decrypt(body: Buffer, parameters: Parameters): Buffer
  export function encrypt(text: Buffer, parameters: Parameters): Buffer
}
