// Whether to offer notifications: until somebody has decided about them.

const declineName = 'countersign-push-offer'

/** True where the browser was never asked, and the offer not declined. */
export function isPushOffered(): boolean {
  if (globalThis.Notification?.permission !== 'default' || !('PushManager' in globalThis)) {
    return false
  }
  try {
    return localStorage.getItem(declineName) === null
  } catch {
    // It would be offered each time.
    return false
  }
}

/** It is not offered again; the settings have it. */
export function declinePushOffer(): void {
  try {
    localStorage.setItem(declineName, 'declined')
  } catch {
    // It holds for this window.
  }
}
