/**
 * The events of one story, in milliseconds from `begin`, by the clock that all processes of this
 * machine share.
 */
export type StoryTimeline = {
  /** Records what came before, without a time. */
  before(what: string): void
  begin(): void
  /** Records an event of a participant, now or at the given time (milliseconds since the epoch). */
  note(who: string, what: string, at?: number): void
  /** The lines in order of time. */
  lines(): readonly string[]
}

type Entry = { readonly who: string; readonly what: string; readonly at: number }

/** An empty timeline. */
export function createTimeline(): StoryTimeline {
  const prelude: string[] = []
  const entries: Entry[] = []
  let start = Date.now()
  return {
    before: (what) => void prelude.push(what),
    begin: () => {
      start = Date.now()
    },
    note: (who, what, at = Date.now()) => void entries.push({ who, what, at }),
    lines: () => [
      ...prelude.map((what) => line('before', '', what)),
      ...entries
        .toSorted((one, other) => one.at - other.at)
        .map(({ who, what, at }) => line(`${at - start} ms`, who, what)),
    ],
  }
}

function line(time: string, who: string, what: string): string {
  return `${time.padStart(9)}  ${who.padEnd(16)}  ${what}`
}
