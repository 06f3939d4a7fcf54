// Answers that are the same for everybody while the process lives: made once, compressed once, kept by whoever has them.

import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** How long a copy is good without asking: a new version of the service may say something else. */
const cacheControl = 'public, max-age=300'
const compress = promisify(gzip)

type Copy = { readonly bytes: Buffer; readonly etag: string }
type Copies = { readonly plain: Copy; readonly gzipped: Copy }

export type FixedAnswer = {
  readonly type: string
  readonly headers?: Readonly<Record<string, string>>
  /** Called once, when it is first asked for; again only after it failed. */
  readonly make: () => string | Buffer | Promise<string | Buffer>
}

async function copiesOf({ make }: FixedAnswer): Promise<Copies> {
  const bytes = Buffer.from(await make())
  const tag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
  const gzipped = await compress(bytes, { level: constants.Z_BEST_COMPRESSION })
  // RFC 9110, 8.8.3.3: each coding has a tag of its own.
  return {
    plain: { bytes, etag: `"${tag}"` },
    gzipped: { bytes: gzipped, etag: `"${tag}-gzip"` },
  }
}

/** RFC 9110, 12.5.3; what is not named is not taken, `*` included: a plain copy is right for everybody. */
function takesGzip(accepted: string | undefined): boolean {
  return /(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i.test(
    accepted ?? '',
  )
}

/** RFC 9110, 13.1.2, which compares weakly. */
function hasCopy(ifNoneMatch: string | undefined, { plain, gzipped }: Copies): boolean {
  const held = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return held.some((tag) => tag === '*' || tag === plain.etag || tag === gzipped.etag)
}

/** A handler that answers with it. Nothing but the first request costs more than a look-up. */
export function fixedAnswer(answer: FixedAnswer) {
  let making: Promise<Copies> | undefined
  const copies = () => {
    making ??= copiesOf(answer).catch((error: unknown) => {
      making = undefined
      throw error
    })
    return making
  }
  return async ({ headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const made = await copies()
    const isGzipped = takesGzip(headers['accept-encoding'])
    const { bytes, etag } = isGzipped ? made.gzipped : made.plain
    reply.headers({
      ...answer.headers,
      etag,
      vary: 'Accept-Encoding',
      'cache-control': cacheControl,
    })
    if (hasCopy(headers['if-none-match'], made)) return reply.code(304).send()
    if (isGzipped) reply.header('content-encoding', 'gzip')
    return reply.type(answer.type).send(bytes)
  }
}
