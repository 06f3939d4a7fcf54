// Concurrent requests for the same thing share one read.

/**
 * Reads what the name identifies, together with all concurrent callers of the same name. Nobody
 * gets the result of a read that began before their call, so that a caller who knows of a commit
 * reads what it wrote: callers that come during a read share the next one.
 */
export type SharedReads = <T>(name: string, read: () => Promise<T>) => Promise<T>

/** A read in progress, and the one that begins after it. */
type Reads = { readonly current: Promise<unknown>; next: Promise<unknown> | null }

/**
 * A read that throws synchronously counts as a failed read: thrown further, it would block its name
 * permanently.
 */
async function start<T>(read: () => Promise<T>): Promise<T> {
  return read()
}

/** Shared reads of one process. A name identifies one kind of result. */
export function buildSharedReads(): SharedReads {
  const inProgress = new Map<string, Reads>()

  function begin<T>(name: string, read: () => Promise<T>): Promise<T> {
    const current = start(read)
    const reads: Reads = { current, next: null }
    inProgress.set(name, reads)
    const onEnd = () => {
      if (reads.next === null) inProgress.delete(name)
    }
    current.then(onEnd, onEnd)
    return current
  }

  return <T>(name: string, read: () => Promise<T>): Promise<T> => {
    const reads = inProgress.get(name)
    if (!reads) return begin(name, read)
    const again = () => begin(name, read)
    reads.next ??= reads.current.then(again, again)
    return reads.next as Promise<T>
  }
}
