// Which apps may open links of this origin. Both files speak for the whole origin, so the list is
// the operator's alone.

/** An app of Apple's platforms, as `TEAMID.bundle.id`; or an Android package and who signs it. */
export type LinkedApp =
  | { readonly appleId: string }
  | {
      readonly packageName: string
      /** SHA-256 of the certificate, in hex, with or without colons. */
      readonly signer: string
    }

/** How an operator names one. Groups: an id of Apple; or package and digest. */
export const linkedAppPattern = new RegExp(
  '^(?:([A-Z0-9]{10}\\.[A-Za-z0-9.-]+)|([A-Za-z]\\w*(?:\\.[A-Za-z]\\w*)+):' +
    '((?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}))$',
)

/** Paths that an app opens instead of a browser. */
const linkedPaths = [
  '/t/*/enroll',
  // In printed codes.
  '/t/*/enrol',
] as const

/**
 * The file at `/.well-known/apple-app-site-association` (Apple, Supporting associated domains);
 * null without an app.
 */
export function appleAssociation(apps: readonly LinkedApp[]) {
  const appIDs = [...new Set(apps.flatMap((app) => ('appleId' in app ? [app.appleId] : [])))]
  if (appIDs.length === 0) return null
  const components = linkedPaths.map((path) => ({ '/': path, comment: 'Add an account.' }))
  return { applinks: { details: [{ appIDs, components }] } }
}

/** As keytool prints a digest, and as Google reads it. */
const withColons = (digest: string) =>
  digest
    .replaceAll(':', '')
    .toUpperCase()
    .replace(/..(?=.)/g, '$&:')

/**
 * The file at `/.well-known/assetlinks.json` (Google, Digital Asset Links); null without an app.
 */
export function assetLinks(apps: readonly LinkedApp[]) {
  const signers = new Map<string, Set<string>>()
  for (const app of apps) {
    if (!('packageName' in app)) continue
    const own = signers.get(app.packageName) ?? new Set()
    signers.set(app.packageName, own.add(withColons(app.signer)))
  }
  if (signers.size === 0) return null
  return [...signers].map(([packageName, own]) => ({
    relation: ['delegate_permission/common.handle_all_urls'],
    target: {
      namespace: 'android_app',
      package_name: packageName,
      sha256_cert_fingerprints: [...own],
    },
  }))
}
