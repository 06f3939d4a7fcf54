// Message encryption for Web Push (RFC 8291) in the content encoding aes128gcm (RFC 8188).

import { createCipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'
import type { PushSubscription } from '../../domain/push-subscription.ts'

/** Of the whole encrypted body: what every push service accepts (RFC 8030, 7.2). */
export const bodyBytesMax = 4096
const saltBytes = 16
const tagBytes = 16
/** Ends the last record, and here the only one (RFC 8188, 2). */
const lastRecord = Buffer.from([2])

function derive(secret: Uint8Array, salt: Uint8Array, info: string | Uint8Array, bytes: number) {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, bytes))
}

/** The body's header: the salt, the size of a record, and our public key (RFC 8188, 2.1). */
function headerOf(salt: Buffer, publicKey: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(bodyBytesMax)
  return Buffer.concat([salt, size, Buffer.from([publicKey.length]), publicKey])
}

/**
 * Encrypts a text for one browser, under a key pair and a salt that are used once. Only the browser
 * can read it, not its push service. Throws for a key that is no point of P-256, and for a text
 * that does not fit into `bodyBytesMax`.
 */
export function encryptFor({ keys }: PushSubscription, text: string): Buffer {
  const theirs = Buffer.from(keys.p256dh, 'base64url')
  const pair = createECDH('prime256v1')
  const ours = pair.generateKeys()
  const salt = randomBytes(saltBytes)
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), theirs, ours])
  const secret = derive(pair.computeSecret(theirs), Buffer.from(keys.auth, 'base64url'), info, 32)
  const key = derive(secret, salt, 'Content-Encoding: aes128gcm\0', 16)
  const nonce = derive(secret, salt, 'Content-Encoding: nonce\0', 12)
  const cipher = createCipheriv('aes-128-gcm', key, nonce, { authTagLength: tagBytes })
  const sealedText = [cipher.update(text, 'utf8'), cipher.update(lastRecord), cipher.final()]
  const body = Buffer.concat([headerOf(salt, ours), ...sealedText, cipher.getAuthTag()])
  if (body.length > bodyBytesMax) throw new Error(`a push of ${body.length} bytes is too long`)
  return body
}
