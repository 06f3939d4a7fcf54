/**
 * Calls go to the origin of the page, whatever origin they are about: the policy of the page allows
 * no other, and the proofs name the service's.
 */
export const ownFetch: typeof fetch = (input, init) => {
  const { pathname, search } = new URL(String(input))
  return fetch(pathname + search, init)
}
