/**
 * The function that `load` gives, loaded when it is first called; a load that failed is repeated.
 */
export function loadedLate<Work extends (...parameters: never[]) => Promise<unknown>>(
  load: () => Promise<Work>,
): Work {
  const work = async (...parameters: Parameters<Work>) => (await load())(...parameters)
  return work as unknown as Work
}

/** What `build` resolves to, built for the first caller alone; a build that failed is repeated. */
export function builtLate<Built>(build: () => Promise<Built>): () => Promise<Built> {
  let work: Promise<Built> | undefined
  return () => {
    work ??= build().catch((error: unknown) => {
      work = undefined
      throw error
    })
    return work
  }
}
