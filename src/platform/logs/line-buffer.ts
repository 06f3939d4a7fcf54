/** Where lines go in the end. */
export type LineSink = { write(text: string): unknown }

export type LineBuffer = {
  write(line: string): void
  /** Writes what is there; before the process ends. */
  flushSync(): void
}

/** A burst larger than this is written before the turn of the event loop is over. */
const bufferedMax = 65_536

/**
 * Writes the lines of one turn of the event loop by one call of the operating system. A process
 * that is killed loses those of its last turn, whose answers are hardly out. What `flushSync`
 * writes goes to a sink of its own: one that writes in the background loses what it gets when the
 * process ends.
 */
export function buildLineBuffer(sink: LineSink, syncSink: LineSink): LineBuffer {
  let text = ''
  let flushHandle: NodeJS.Immediate | undefined

  function flushTo(to: LineSink): void {
    clearImmediate(flushHandle)
    flushHandle = undefined
    const lines = text
    text = ''
    if (lines !== '') to.write(lines)
  }
  const flush = () => flushTo(sink)

  return {
    write(line) {
      text += line
      if (text.length > bufferedMax) flush()
      else flushHandle ??= setImmediate(flush)
    },
    flushSync: () => flushTo(syncSink),
  }
}
