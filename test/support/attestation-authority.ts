// Phone makers that only the tests trust: chains and attestation objects, valid by default.

import 'reflect-metadata'
import { createHash, webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import {
  Boolean as AsnBoolean,
  type BaseBlock,
  Constructed,
  Enumerated,
  Integer,
  Null,
  OctetString,
  Sequence,
  Set as SetOf,
} from 'asn1js'
import { encode } from 'cborg'
import type { DeviceKey } from '../../clients/device/src/keys.ts'

const keyExtension = '1.3.6.1.4.1.11129.2.1.17'
const nonceExtension = '1.2.840.113635.100.8.2'
const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const day = 24 * 60 * 60 * 1000

export const androidApp = {
  packageName: 'com.example.app',
  signers: [createHash('sha256').update('the certificate that signs the app').digest('hex')],
}
export const appleApp = { teamId: 'ABCDE12345', bundleId: 'com.example.app', development: false }

export const createKeys = () =>
  webcrypto.subtle.generateKey(p256, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>

const der = (certificate: X509Certificate) => new Uint8Array(certificate.rawData)

/** A link of a chain with its signing key. */
export type Authority = {
  readonly certificate: X509Certificate
  readonly keys: webcrypto.CryptoKeyPair
}

type Link = {
  readonly subject: string
  readonly issuer: Authority
  readonly publicKey: webcrypto.CryptoKey
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly extensions?: Extension[]
  readonly hash?: string
}

const authorityExtensions = (pathLength?: number) => [
  new BasicConstraintsExtension(true, pathLength, true),
  new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
]

/** A self-signed root. */
export async function aRoot(
  name = 'CN=Test root',
  more: { notAfter?: Date } = {},
): Promise<Authority> {
  const keys = await createKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: p256,
    notBefore: new Date(Date.now() - day),
    notAfter: more.notAfter ?? new Date(Date.now() + 1000 * day),
    extensions: authorityExtensions(),
  })
  return { certificate, keys }
}

/** A certificate by this issuer. */
export function certify({ subject, issuer, publicKey, ...more }: Link): Promise<X509Certificate> {
  return X509CertificateGenerator.create({
    subject,
    issuer: issuer.certificate.subject,
    publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: {
      ...p256,
      ...issuer.keys.privateKey.algorithm,
      hash: more.hash ?? 'SHA-256',
    },
    notBefore: more.notBefore ?? new Date(Date.now() - day),
    notAfter: more.notAfter ?? new Date(Date.now() + 100 * day),
    extensions: more.extensions ?? [],
  })
}

/** An authority below another. */
export async function anAuthority(
  issuer: Authority,
  subject: string,
  more: Pick<Link, 'notBefore' | 'notAfter' | 'extensions' | 'hash'> & {
    readonly pathLength?: number
    readonly keys?: webcrypto.CryptoKeyPair
  } = {},
): Promise<Authority> {
  const keys = more.keys ?? (await createKeys())
  const extensions = more.extensions ?? authorityExtensions(more.pathLength)
  const publicKey = keys.publicKey
  return { certificate: await certify({ ...more, subject, issuer, publicKey, extensions }), keys }
}

/** An Android phone's statement about a key. */
export type KeyStatement = {
  readonly challenge: string
  readonly attestationLevel: number
  readonly keyLevel: number
  readonly purposes: readonly number[]
  readonly algorithm: number
  readonly curve: number
  readonly origin: number
  readonly noAuthRequired: boolean
  readonly userAuthType: number | null
  readonly authTimeout: number | null
  readonly allApplications: boolean
  readonly locked: boolean
  readonly bootState: number
  readonly withRootOfTrust: boolean
  readonly packages: readonly string[]
  readonly signers: readonly string[]
}

/** The statement of an intact phone about a key for one app with user presence. */
export const soundStatement: Omit<KeyStatement, 'challenge'> = {
  attestationLevel: 1,
  keyLevel: 1,
  purposes: [2],
  algorithm: 3,
  curve: 1,
  origin: 0,
  noAuthRequired: false,
  userAuthType: 2,
  authTimeout: null,
  allApplications: false,
  locked: true,
  bootState: 0,
  withRootOfTrust: true,
  packages: [androidApp.packageName],
  signers: androidApp.signers,
}

const withTag = (tagNumber: number, value: BaseBlock) =>
  new Constructed({ idBlock: { tagClass: 3, tagNumber }, value: [value] })
const number = (value: number) => new Integer({ value })
const bytes = (value: Uint8Array) => new OctetString({ valueHex: Uint8Array.from(value).buffer })
const text = (value: string) => bytes(Buffer.from(value))

/** The contents of Android's attestation extension. */
export function keyDescription(statement: KeyStatement): Uint8Array {
  const application = new Sequence({
    value: [
      new SetOf({
        value: statement.packages.map((name) => new Sequence({ value: [text(name), number(7)] })),
      }),
      new SetOf({ value: statement.signers.map((one) => bytes(Buffer.from(one, 'hex'))) }),
    ],
  })
  const rootOfTrust = new Sequence({
    value: [
      bytes(new Uint8Array(32)),
      new AsnBoolean({ value: statement.locked }),
      new Enumerated({ value: statement.bootState }),
      bytes(new Uint8Array(32)),
    ],
  })
  const description = new Sequence({
    value: [
      number(400),
      new Enumerated({ value: statement.attestationLevel }),
      number(400),
      new Enumerated({ value: statement.keyLevel }),
      bytes(Buffer.from(statement.challenge, 'base64url')),
      bytes(new Uint8Array()),
      new Sequence({
        value: [withTag(701, number(0)), withTag(709, bytes(new Uint8Array(application.toBER())))],
      }),
      new Sequence({
        value: [
          withTag(1, new SetOf({ value: statement.purposes.map(number) })),
          withTag(2, number(statement.algorithm)),
          withTag(10, number(statement.curve)),
          ...(statement.noAuthRequired ? [withTag(503, new Null())] : []),
          ...(statement.userAuthType === null
            ? []
            : [withTag(504, number(statement.userAuthType))]),
          ...(statement.authTimeout === null ? [] : [withTag(505, number(statement.authTimeout))]),
          ...(statement.allApplications ? [withTag(600, new Null())] : []),
          withTag(702, number(statement.origin)),
          ...(statement.withRootOfTrust ? [withTag(704, rootOfTrust)] : []),
          withTag(999, number(1)),
        ],
      }),
    ],
  })
  return new Uint8Array(description.toBER())
}

/** Android's extension as it is in a certificate. */
export const attesting = (statement: KeyStatement) =>
  new Extension(keyExtension, false, keyDescription(statement) as Uint8Array<ArrayBuffer>)

/** A maker of Android phones with its root and the authorities of one phone. */
export async function anAndroidMaker(
  more: {
    readonly root?: Parameters<typeof aRoot>[1]
    readonly intermediate?: Parameters<typeof anAuthority>[2]
  } = {},
) {
  const root = await aRoot('CN=Android root', more.root)
  const intermediate = await anAuthority(root, 'CN=Intermediate', more.intermediate)
  const phone = await anAuthority(intermediate, 'CN=Phone')
  const above = [phone, intermediate, root].map(({ certificate }) => der(certificate))
  return {
    root: der(root.certificate),
    authorities: { root, intermediate, phone },
    above,
    /** The chain of a key of the phone, leaf first. */
    async attest(
      publicKey: webcrypto.CryptoKey,
      challenge: string,
      changes: Partial<KeyStatement> = {},
    ) {
      const leaf = await certify({
        subject: 'CN=Android Keystore Key',
        issuer: phone,
        publicKey,
        // As phones write it, on any day.
        notBefore: new Date('1970-01-01T00:00:00Z'),
        notAfter: new Date('1971-01-01T00:00:00Z'),
        extensions: [
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          attesting({ ...soundStatement, challenge, ...changes }),
        ],
      })
      return [der(leaf), ...above]
    },
  }
}

export type AndroidMaker = Awaited<ReturnType<typeof anAndroidMaker>>

/** The public half of a device's key as WebCrypto holds it. */
export function publicKeyOf({
  publicJwk,
}: Pick<DeviceKey, 'publicJwk'>): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('jwk', publicJwk, p256, true, [
    'verify',
  ]) as Promise<webcrypto.CryptoKey>
}

const sha256 = (...parts: readonly Uint8Array[]) =>
  createHash('sha256').update(Buffer.concat(parts)).digest()

/** Faults of an iPhone's statement. */
export type AppAttestChanges = {
  readonly appId?: string
  readonly counter?: number
  readonly aaguid?: string
  readonly flags?: number
  readonly credentialId?: Uint8Array
  readonly otherCoseKey?: boolean
  readonly after?: Uint8Array
  readonly nonce?: Uint8Array
  readonly notAfter?: Date
  readonly format?: string
  readonly x5c?: readonly Uint8Array[]
}

/** Apple, with its root and the authority below it. */
export async function anAppleMaker() {
  const root = await aRoot('CN=Apple root')
  const authority = await anAuthority(root, 'CN=Apple attestation CA 1', { pathLength: 0 })
  return {
    root: der(root.certificate),
    /** The attestation object of an app's own key over this client data hash. */
    async attest(clientDataHash: Uint8Array, changes: AppAttestChanges = {}): Promise<Uint8Array> {
      const keys = await createKeys()
      const shownKeys = changes.otherCoseKey ? await createKeys() : keys
      const point = Buffer.from(await webcrypto.subtle.exportKey('raw', keys.publicKey))
      const cose = Buffer.from(await webcrypto.subtle.exportKey('raw', shownKeys.publicKey))
      const credentialId = Buffer.from(changes.credentialId ?? sha256(point))
      const head = Buffer.alloc(23)
      head[0] = changes.flags ?? 0x40
      head.writeUInt32BE(changes.counter ?? 0, 1)
      head.write((changes.aaguid ?? 'appattest').padEnd(16, '\0'), 5, 'latin1')
      head.writeUInt16BE(credentialId.length, 21)
      const appId = changes.appId ?? `${appleApp.teamId}.${appleApp.bundleId}`
      const coseKey = new Map<number, unknown>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, cose.subarray(1, 33)],
        [-3, cose.subarray(33, 65)],
      ])
      const authData = Buffer.concat([
        sha256(Buffer.from(appId)),
        head,
        credentialId,
        encode(coseKey),
        changes.after ?? new Uint8Array(),
      ])
      const nonce = changes.nonce ?? sha256(authData, clientDataHash)
      const leaf = await certify({
        subject: 'CN=App Attest key',
        issuer: authority,
        publicKey: keys.publicKey,
        ...(changes.notAfter && { notAfter: changes.notAfter }),
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new Extension(
            nonceExtension,
            false,
            Uint8Array.from(Buffer.concat([Buffer.from('3024a1220420', 'hex'), nonce])),
          ),
        ],
      })
      return encode({
        fmt: changes.format ?? 'apple-appattest',
        attStmt: {
          x5c: changes.x5c ?? [der(leaf), der(authority.certificate)],
          receipt: new Uint8Array(100),
        },
        authData,
      })
    },
  }
}
