import { createHash } from 'node:crypto'
import type { PushKind } from '../../domain/push.ts'
import { fill } from '../../platform/texts/fill.ts'
import { languageFor, pluralOf, textsIn } from '../../platform/texts/texts.ts'
import type { PushMessage } from '../push.store.ts'
import { idsOf } from '../push-payload.adapter.ts'

/** A push for a browser: the headers that its push service reads, and the text that it does not. */
export type WebPush = {
  /** RFC 8030, 5.2 to 5.4. */
  readonly headers: Readonly<Record<'ttl' | 'urgency' | 'topic', string>>
  readonly text: string
}

// A browser without power or network for more gets the urgent ones only.
const urgencies = {
  challenge_opened: 'high',
  challenge_closed: 'normal',
  activity_recorded: 'normal',
  test: 'high',
} as const satisfies Record<PushKind, 'high' | 'normal'>

/** At most so many characters of the base64url alphabet (RFC 8030, 5.4). */
const topicLength = 32

/** Names the subject to the push service without giving it an id that is used elsewhere. */
function topicOf(tag: string): string {
  return createHash('sha256').update(tag).digest('base64url').slice(0, topicLength)
}

function textsOf({ kind, more, languages }: PushMessage) {
  const language = languageFor(languages)
  const { pushes, direction } = textsIn(language)
  const { title, body } = pushes[kind]
  const ownBody = more ? fill(pluralOf(language, pushes.digest, more), { more }) : body
  return { title, body: ownBody, lang: language, dir: direction }
}

/**
 * The push for a message. Its text is a Declarative Web Push message
 * (https://www.w3.org/TR/push-api/#declarative-push-message), which Safari shows without our
 * service worker, and other browsers hand to it. Each kind shows a notification, the end of a
 * challenge too, silently: a browser takes the permission away from pages whose pushes show
 * nothing. Pushes of one challenge and of those that supersede it share topic and tag, so that the
 * newest replaces the others, before and after delivery. `page` is what a click opens.
 */
export function toWebPush(message: PushMessage, now: Date, page: string): WebPush {
  const { challengeId, chainId, activityId, deliveryId, kind, expiresAt } = message
  const tag = chainId ?? challengeId ?? activityId ?? deliveryId
  const leftMs = Math.max(0, expiresAt.getTime() - now.getTime())
  const notification = {
    ...textsOf(message),
    navigate: page,
    tag,
    silent: kind === 'challenge_closed',
    data: { ...idsOf(message), kind, exp: Math.floor(expiresAt.getTime() / 1000) },
  }
  return {
    headers: {
      ttl: String(Math.floor(leftMs / 1000)),
      urgency: urgencies[kind],
      topic: topicOf(tag),
    },
    text: JSON.stringify({ web_push: 8030, notification }),
  }
}
