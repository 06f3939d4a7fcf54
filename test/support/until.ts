/**
 * Waits until a condition holds, polling every few milliseconds; for effects of another process or
 * socket. Resolves to the first truthy value; throws after `timeoutMs` with the label, so that a
 * hang names what it waited for.
 */
export async function until<T>(
  label: string,
  condition: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${label}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
