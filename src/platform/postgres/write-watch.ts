import type pg from 'pg'

export type WriteWatch = {
  listen(listener: () => void): void
  /**
   * Watches a statement that is under way on a connection; `result` is what the driver returned.
   */
  watch(connection: object, statement: unknown, result: unknown): void
}

const changingStatement =
  /\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\S+(\s+(as\s+)?\w+)?\s+set\b/i

const bounds = new Set(['begin', 'commit'])

/**
 * Detects that rows were changed and committed, without knowing which: by the row count of a
 * statement, and by the end of a transaction that had such a statement. Only named statements
 * count. May notify once too often, and misses a change that returns no row.
 */
export function buildWriteWatch(): WriteWatch {
  const listeners: (() => void)[] = []
  const changesByName = new Map<string, boolean>()
  /** Connections that have changed something since their last transaction began. */
  const changedConnections = new WeakSet<object>()

  function mayChange({ name, text }: Partial<pg.QueryConfig>): boolean {
    if (name === undefined) return bounds.has(text ?? '')
    const before = changesByName.get(name)
    if (before !== undefined) return before
    const changes = changingStatement.test(text ?? '')
    changesByName.set(name, changes)
    return changes
  }

  return {
    listen: (listener) => void listeners.push(listener),
    watch(connection, statement, result) {
      if (listeners.length === 0 || !(result instanceof Promise)) return
      if (typeof statement !== 'object' || statement === null || !mayChange(statement)) return
      const { text } = statement as Partial<pg.QueryConfig>
      if (text === 'begin') changedConnections.delete(connection)
      const isCommit = text === 'commit'
      result.then(
        ({ rowCount }: pg.QueryResult) => {
          if (isCommit ? !changedConnections.has(connection) : !rowCount) return
          if (!isCommit) changedConnections.add(connection)
          for (const listener of listeners) listener()
        },
        // Its sender gets the error.
        () => undefined,
      )
    },
  }
}
