// Answers that are the same for everybody while the process lives: built once, compressed once,
// cached by clients.

import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** How long a cached copy is fresh: a new version of the service may answer otherwise. */
const usualCacheControl = 'public, max-age=300'
const compress = promisify(gzip)

type Copy = { readonly bytes: Buffer; readonly etag: string }
type Copies = { readonly plain: Copy; readonly gzipCopy: Copy }

export type FixedAnswer = {
  readonly type: string
  readonly headers?: Readonly<Record<string, string>>
  /** Five minutes by default. */
  readonly cacheControl?: string
  /** Called once, at the first request; again only after it failed. */
  readonly build: () => string | Buffer | Promise<string | Buffer>
}

async function copiesOf({ build: make }: FixedAnswer): Promise<Copies> {
  const bytes = Buffer.from(await make())
  const tag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
  const gzipBytes = await compress(bytes, { level: constants.Z_BEST_COMPRESSION })
  // RFC 9110, 8.8.3.3: each coding has a tag of its own.
  return {
    plain: { bytes, etag: `"${tag}"` },
    gzipCopy: { bytes: gzipBytes, etag: `"${tag}-gzip"` },
  }
}

/**
 * RFC 9110, 12.5.3; codings that are not named are not used, `*` included: a plain copy suits
 * everybody.
 */
function takesGzip(acceptEncoding: string | undefined): boolean {
  return /(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i.test(
    acceptEncoding ?? '',
  )
}

/** RFC 9110, 13.1.2, which compares weakly. */
function hasCopy(ifNoneMatch: string | undefined, { plain, gzipCopy }: Copies): boolean {
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.some((tag) => tag === '*' || tag === plain.etag || tag === gzipCopy.etag)
}

/** A handler that answers with it. Only the first request costs more than a lookup. */
export function fixedAnswer(answer: FixedAnswer) {
  let making: Promise<Copies> | undefined
  const copies = () => {
    making ??= copiesOf(answer).catch((error: unknown) => {
      making = undefined
      throw error
    })
    return making
  }
  return async (
    { headers }: Pick<FastifyRequest, 'headers'>,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const answerCopies = await copies()
    const isGzipped = takesGzip(headers['accept-encoding'])
    const { bytes, etag } = isGzipped ? answerCopies.gzipCopy : answerCopies.plain
    reply.headers({
      ...answer.headers,
      etag,
      vary: 'Accept-Encoding',
      'cache-control': answer.cacheControl ?? usualCacheControl,
    })
    if (hasCopy(headers['if-none-match'], answerCopies)) return reply.code(304).send()
    if (isGzipped) reply.header('content-encoding', 'gzip')
    return reply.type(answer.type).send(bytes)
  }
}
