/** What happened in one story, in milliseconds from `begin`, by the clock that all processes of this machine share. */
export type StoryTimeline = {
  /** Notes what went before, without a time. */
  before(what: string): void
  begin(): void
  /** Notes that somebody did something, now or at the time given (milliseconds since the epoch). */
  note(who: string, what: string, at?: number): void
  /** The lines, in the order of time. */
  lines(): readonly string[]
}

type Entry = { readonly who: string; readonly what: string; readonly at: number }

/** A timeline with nothing on it yet. */
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
