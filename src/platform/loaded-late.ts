/**
 * The function that `load` gives, loaded when it is first called; a load that failed is repeated.
 */
export function loadedLate<Work extends (...parameters: never[]) => Promise<unknown>>(
  load: () => Promise<Work>,
): Work {
  const work = async (...parameters: Parameters<Work>) => (await load())(...parameters)
  return work as unknown as Work
}
