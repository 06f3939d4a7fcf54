// Many who ask for the same thing at once are answered by one read.

/**
 * Reads what the name names, together with all others who ask meanwhile. Nobody is answered by a read that had begun before they
 * asked, so that whoever was told of a commit reads what it wrote: those who come while a read is under way share the next one.
 */
export type SharedReads = <T>(name: string, read: () => Promise<T>) => Promise<T>

/** A read under way, and the one that begins when it has ended. */
type Reads = { readonly current: Promise<unknown>; next: Promise<unknown> | null }

/** A read that throws before it began is one that failed, as any other: thrown on, it would keep the name to itself for ever. */
async function started<T>(read: () => Promise<T>): Promise<T> {
  return read()
}

/** Shared reads of one process. A name stands for one kind of result. */
export function createSharedReads(): SharedReads {
  const underWay = new Map<string, Reads>()

  function begin<T>(name: string, read: () => Promise<T>): Promise<T> {
    const current = started(read)
    const reads: Reads = { current, next: null }
    underWay.set(name, reads)
    const ended = () => {
      if (reads.next === null) underWay.delete(name)
    }
    current.then(ended, ended)
    return current
  }

  return <T>(name: string, read: () => Promise<T>): Promise<T> => {
    const reads = underWay.get(name)
    if (!reads) return begin(name, read)
    const again = () => begin(name, read)
    reads.next ??= reads.current.then(again, again)
    return reads.next as Promise<T>
  }
}
