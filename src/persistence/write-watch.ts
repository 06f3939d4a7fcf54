import type pg from 'pg'

export type WriteWatch = {
  listen(listener: () => void): void
  /** Takes note of a statement that is under way on a connection; `sent` is what the driver answered. */
  watch(connection: object, statement: unknown, sent: unknown): void
}

const changing = /\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\S+(\s+(as\s+)?\w+)?\s+set\b/i

const bounds = new Set(['begin', 'commit'])

/**
 * Finds out that rows were changed and committed, without knowing which: by the rows that a statement tells of, and by the end
 * of a transaction that had such a statement. Only named statements count. May tell once too often, and of a change that returns
 * no row not at all.
 */
export function createWriteWatch(): WriteWatch {
  const listeners: (() => void)[] = []
  const known = new Map<string, boolean>()
  /** Connections that have changed something since their last transaction began. */
  const changed = new WeakSet<object>()

  function mayChange({ name, text }: Partial<pg.QueryConfig>): boolean {
    if (name === undefined) return bounds.has(text ?? '')
    const before = known.get(name)
    if (before !== undefined) return before
    const changes = changing.test(text ?? '')
    known.set(name, changes)
    return changes
  }

  return {
    listen: (listener) => void listeners.push(listener),
    watch(connection, statement, sent) {
      if (listeners.length === 0 || !(sent instanceof Promise)) return
      if (typeof statement !== 'object' || statement === null || !mayChange(statement)) return
      const { text } = statement as Partial<pg.QueryConfig>
      if (text === 'begin') changed.delete(connection)
      const isCommit = text === 'commit'
      sent.then(
        ({ rowCount }: pg.QueryResult) => {
          if (isCommit ? !changed.has(connection) : !rowCount) return
          if (!isCommit) changed.add(connection)
          for (const listener of listeners) listener()
        },
        // Whoever sent it hears of it.
        () => undefined,
      )
    },
  }
}
