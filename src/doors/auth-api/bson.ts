// BSON (bsonspec.org, 1.1), as far as answers of the Auth API need it: texts, integers of 32 bits,
// and documents within documents. Nothing is read: the clients send forms.

/** What a document may hold. */
export type BsonDocument = { readonly [name: string]: string | number | BsonDocument }

const kinds = { document: 0x03, text: 0x02, int32: 0x10 }

/** A name ends at the first zero byte. */
const cString = (text: string) => Buffer.from(`${text.replaceAll('\0', '')}\0`)

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function element(name: string, value: BsonDocument[string]): Buffer {
  const parts = (kind: number, ...bytes: Buffer[]) =>
    Buffer.concat([Buffer.of(kind), cString(name), ...bytes])
  if (typeof value === 'number') return parts(kinds.int32, int32(value))
  if (typeof value === 'object') return parts(kinds.document, encodeBson(value))
  const text = cString(value)
  return parts(kinds.text, int32(text.length), text)
}

/** The bytes of a document. Zero bytes in texts, where many readers stop, are left out. */
export function encodeBson(document: BsonDocument): Buffer {
  const elements = Object.entries(document).map(([name, value]) => element(name, value))
  const content = Buffer.concat([...elements, Buffer.of(0)])
  return Buffer.concat([int32(content.length + 4), content])
}
