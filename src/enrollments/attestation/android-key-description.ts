import {
  Boolean as AsnBoolean,
  type BaseBlock,
  Constructed,
  Enumerated,
  fromBER,
  Integer,
  OctetString,
  Sequence,
  Set as SetOf,
} from 'asn1js'
import {
  type KeyDescription,
  type SecurityLevel,
  securityLevels,
} from '../../domain/key-description.ts'

// Tags of Android's AuthorizationList. Unknown ones are skipped: each version of KeyMint adds some.
const tags = {
  purpose: 1,
  algorithm: 2,
  curve: 10,
  noAuthRequired: 503,
  userAuthType: 504,
  authTimeout: 505,
  allApplications: 600,
  origin: 702,
  rootOfTrust: 704,
  attestationApplicationId: 709,
} as const

/**
 * Reads the extension 1.3.6.1.4.1.11129.2.1.17 (Android's KeyDescription); undefined when it is not
 * well formed.
 */
export function readKeyDescription(der: Uint8Array): KeyDescription | undefined {
  try {
    return read(der)
  } catch {
    return undefined
  }
}

function read(der: Uint8Array): KeyDescription {
  const [, attestation, , keyMint, challenge, , software, hardware] = itemsOf(parse(der), Sequence)
  const softwareList = authorizations(software)
  const hardwareList = authorizations(hardware)
  const inEither = (tag: number) => hardwareList.has(tag) || softwareList.has(tag)
  const number = (tag: number) => optional(hardwareList.get(tag), numberOf)
  const app = optional(softwareList.get(tags.attestationApplicationId), readApplication)
  const asksPerson = !inEither(tags.noAuthRequired) && (number(tags.userAuthType) ?? 0) !== 0
  return {
    attestationLevel: levelOf(attestation),
    keyLevel: levelOf(keyMint),
    challenge: Buffer.from(bytesOf(challenge)).toString('base64url'),
    purposes:
      optional(hardwareList.get(tags.purpose), (set) => itemsOf(set, SetOf).map(numberOf)) ?? [],
    algorithm: number(tags.algorithm),
    curve: number(tags.curve),
    origin: number(tags.origin),
    authentication: asksPerson ? (inEither(tags.authTimeout) ? 'for_a_time' : 'each_use') : 'none',
    allApplications: inEither(tags.allApplications),
    rootOfTrust: optional(hardwareList.get(tags.rootOfTrust), readRootOfTrust),
    packages: app?.packages ?? [],
    signers: app?.signers ?? [],
  }
}

type Block = BaseBlock | undefined

class MalformedError extends Error {}

function optional<T>(block: Block, as: (block: Block) => T): T | null {
  return block === undefined ? null : as(block)
}

function parse(der: Uint8Array): BaseBlock {
  const { offset, result } = fromBER(Uint8Array.from(der))
  if (offset !== der.length || result.error !== '') throw new MalformedError()
  return result
}

function itemsOf(block: Block, type: typeof Sequence | typeof SetOf): BaseBlock[] {
  if (!(block instanceof type)) throw new MalformedError()
  return block.valueBlock.value
}

function numberOf(block: Block): number {
  if (!(block instanceof Integer) && !(block instanceof Enumerated)) throw new MalformedError()
  const value = Number(block.toBigInt())
  if (!Number.isSafeInteger(value)) throw new MalformedError()
  return value
}

function levelOf(block: Block): SecurityLevel {
  const level = block instanceof Enumerated ? securityLevels[numberOf(block)] : undefined
  if (level === undefined) throw new MalformedError()
  return level
}

function bytesOf(block: Block): Uint8Array {
  // A constructed string is BER, which no phone writes.
  if (!(block instanceof OctetString) || block.idBlock.isConstructed) throw new MalformedError()
  return block.valueBlock.valueHexView
}

function authorizations(list: Block): ReadonlyMap<number, BaseBlock> {
  const items = new Map<number, BaseBlock>()
  for (const item of itemsOf(list, Sequence)) {
    const { tagClass, tagNumber } = item.idBlock
    const [value, another] = item instanceof Constructed ? item.valueBlock.value : []
    if (tagClass !== 3 || !value || another || items.has(tagNumber)) throw new MalformedError()
    items.set(tagNumber, value)
  }
  return items
}

function readRootOfTrust(block: Block): KeyDescription['rootOfTrust'] {
  const [, lockedFlag, state] = itemsOf(block, Sequence)
  if (!(lockedFlag instanceof AsnBoolean)) throw new MalformedError()
  return { isLocked: lockedFlag.valueBlock.value, bootState: numberOf(state) }
}

function readApplication(block: Block): Pick<KeyDescription, 'packages' | 'signers'> {
  const [packages, signers] = itemsOf(parse(bytesOf(block)), Sequence)
  return {
    packages: itemsOf(packages, SetOf).map((one) =>
      Buffer.from(bytesOf(itemsOf(one, Sequence)[0])).toString(),
    ),
    signers: itemsOf(signers, SetOf).map((one) => Buffer.from(bytesOf(one)).toString('hex')),
  }
}
