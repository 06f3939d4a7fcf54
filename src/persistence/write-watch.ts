import type pg from 'pg'

export type WriteWatch = {
  listen(listener: () => void): void
  /** Takes note of a statement that is under way; `sent` is what the driver answered. */
  watch(statement: unknown, sent: unknown): void
}

const changing = /\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\S+(\s+(as\s+)?\w+)?\s+set\b/i

/**
 * Finds out that rows were changed and committed, without knowing which: a statement of its own by the rows that it tells of, a
 * transaction by its end. Only named statements count. May tell once too often, and of a change that returns no row not at all.
 */
export function createWriteWatch(): WriteWatch {
  const listeners: (() => void)[] = []
  const known = new Map<string, boolean>()

  function mayChange({ name, text }: Partial<pg.QueryConfig>): boolean {
    if (name === undefined) return text === 'commit'
    const before = known.get(name)
    if (before !== undefined) return before
    const changes = changing.test(text ?? '')
    known.set(name, changes)
    return changes
  }

  return {
    listen: (listener) => void listeners.push(listener),
    watch(statement, sent) {
      if (listeners.length === 0 || !(sent instanceof Promise)) return
      if (typeof statement !== 'object' || statement === null || !mayChange(statement)) return
      sent.then(
        ({ command, rowCount }: pg.QueryResult) => {
          if (command !== 'COMMIT' && !rowCount) return
          for (const listener of listeners) listener()
        },
        // Whoever sent it hears of it.
        () => undefined,
      )
    },
  }
}
