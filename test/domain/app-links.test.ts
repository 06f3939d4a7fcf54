import { describe, expect, test } from 'vitest'
import { appleAssociation, assetLinks, type LinkedApp } from '../../src/domain/app-links.ts'

const digest =
  '14:6d:e9:83:c5:73:06:50:d8:ee:b9:95:2f:34:fc:64:16:a0:83:42:e6:1d:be:a8:8a:04:96:b2:3f:cf:44:e5'
const paths = [
  '/t/*/enroll',
  // In printed codes.
  '/t/*/enrol',
]
const other = 'ab'.repeat(32)
const apps: readonly LinkedApp[] = [
  { appleId: 'ABCDE12345.com.example.auth' },
  { packageName: 'com.example.auth', signer: digest },
  { appleId: 'ABCDE12345.com.example.beta' },
  { packageName: 'com.example.beta', signer: other },
  { packageName: 'com.example.auth', signer: other },
  { packageName: 'com.example.auth', signer: digest.replaceAll(':', '').toUpperCase() },
]

describe('the file that Apple reads', () => {
  test('has all apps and the paths of enrollment, in the form since iOS 13', () => {
    expect(appleAssociation(apps)).toEqual({
      applinks: {
        details: [
          {
            appIDs: ['ABCDE12345.com.example.auth', 'ABCDE12345.com.example.beta'],
            components: paths.map((path) => ({ '/': path, comment: 'Add an account.' })),
          },
        ],
      },
    })
  })
})

describe('the file that Google reads', () => {
  test('has a statement for each package, with each certificate once, as keytool prints it', () => {
    const twice = other.toUpperCase().match(/../g)?.join(':')
    const statement = (packageName: string, fingerprints: readonly (string | undefined)[]) => ({
      relation: ['delegate_permission/common.handle_all_urls'],
      target: {
        namespace: 'android_app',
        package_name: packageName,
        sha256_cert_fingerprints: fingerprints,
      },
    })
    expect(assetLinks(apps)).toEqual([
      statement('com.example.auth', [digest.toUpperCase(), twice]),
      statement('com.example.beta', [twice]),
    ])
  })
})

test('without an app of its maker there is no file', () => {
  expect([appleAssociation([]), assetLinks([])]).toEqual([null, null])
  expect(appleAssociation(apps.filter((app) => 'packageName' in app))).toBeNull()
  expect(assetLinks(apps.filter((app) => 'appleId' in app))).toBeNull()
})
