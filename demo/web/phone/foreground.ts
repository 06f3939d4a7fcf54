/** How often an app in the foreground fetches the pending requests. */
export const checkEveryMs = 3_000

/**
 * Checks for requests periodically while the app is shown, because pushes are late, lost or
 * suppressed. One call at a time; a failed one is made again at the next turn. The function that
 * it returns checks immediately, under the same conditions.
 */
export function checkWhileShown(isShown: () => boolean, check: () => Promise<void>): () => void {
  let isChecking = false
  const checkNow = async () => {
    if (isChecking || !isShown()) return
    isChecking = true
    await check().catch(() => undefined)
    isChecking = false
  }
  setInterval(checkNow, checkEveryMs)
  return () => void checkNow()
}
