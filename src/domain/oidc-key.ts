// Keys that sign ID tokens: when each is published, and when it signs.

/** RS256 for clients that take nothing else, ES256 for all others. */
export const oidcAlgorithms = ['RS256', 'ES256'] as const
export type OidcAlgorithm = (typeof oidcAlgorithms)[number]

export type OidcKeyTimes = {
  readonly alg: OidcAlgorithm
  readonly createdAt: Date
  /** From when it signs. */
  readonly signsFrom: Date
}

/**
 * How long a new key is published before it signs: Entra keeps what it has read for 24 hours, and
 * refuses a token whose key it does not have.
 */
export const publishedBeforeSeconds = 2 * 24 * 60 * 60
/** How long a former key stays published: longer than any token that it signed is valid. */
const publishedAfterSeconds = 24 * 60 * 60

/** The key that signs now: the newest of those whose time has come; undefined without any. */
export function chooseSigningKey<Key extends OidcKeyTimes>(
  keys: readonly Key[],
  alg: OidcAlgorithm,
  now: Date,
): Key | undefined {
  return keys
    .filter((key) => key.alg === alg && key.signsFrom <= now)
    .toSorted((one, other) => other.signsFrom.getTime() - one.signsFrom.getTime())[0]
}

/** The keys that are published: those to come, those that sign, and their last predecessors. */
export function choosePublishedKeys<Key extends OidcKeyTimes>(
  keys: readonly Key[],
  now: Date,
): readonly Key[] {
  return keys.filter((key) => {
    const nexts = keys.filter(({ alg, signsFrom }) => alg === key.alg && signsFrom > key.signsFrom)
    const replacedAtMs = Math.min(...nexts.map(({ signsFrom }) => signsFrom.getTime()))
    return now.getTime() < replacedAtMs + publishedAfterSeconds * 1000
  })
}

/** True while a key waits for its time: another one would come before clients have read it. */
export function isRotating(keys: readonly OidcKeyTimes[], now: Date): boolean {
  return keys.some(({ signsFrom }) => signsFrom > now)
}
