/**
 * The import law. test/architecture.test.ts proves that it sees every file and bites.
 *
 * `domain` is pure, `platform` stands below all nouns, `service` above them. The nouns stand in one
 * order: each may import those before it. Within a noun the end of a file's name is its role; a file
 * without one is a use case.
 */
const nouns = [
  'tenants',
  'users',
  'devices',
  'push',
  'activities',
  'protection',
  'challenges',
  'passcodes',
  'webhooks',
  'enrollments',
  'doors',
  'audit',
  'personal-data',
  'portal',
  'prompts',
]
const inNouns = `^src/(${nouns.join('|')})/`
const outside = '^(simulator|demo|web|clients|examples|bench|test)/'
/** What ends a device, or reports a sign-in, ends its challenges in the same transaction. */
const endOfChallenges = '^src/challenges/challenge-cancellation\\.sql\\.ts$'
/** Folders in which every file talks to the world: Apple, Google, certificates of keys. */
const adapterFolders = '^src/(push/(apns|fcm|web-push)|enrollments/attestation)/'
const useCase = `${inNouns}[^.]+\\.ts$`

const order = nouns.flatMap((noun, index) => {
  const later = nouns.slice(index + 1)
  const path = `^src/(${[...later, 'service'].join('|')})/|^src/[^/]+\\.ts$`
  const name = `${noun}-imports-only-what-comes-before-it`
  if (noun !== 'devices' && noun !== 'protection') {
    return [{ name, severity: 'error', from: { path: `^src/${noun}/` }, to: { path } }]
  }
  const sql = `^src/${noun}/[^/]+\\.sql\\.ts$`
  return [
    { name, severity: 'error', from: { path: `^src/${noun}/`, pathNot: sql }, to: { path } },
    {
      name: `${name}-but-for-the-end-of-challenges`,
      severity: 'error',
      from: { path: sql },
      to: { path, pathNot: endOfChallenges },
    },
  ]
})

module.exports = {
  forbidden: [
    {
      name: 'domain-imports-only-itself',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { pathNot: '^src/domain/' },
    },
    {
      name: 'platform-imports-no-noun',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: `${inNouns}|^src/(service/|[^/]+\\.ts$)` },
    },
    ...order,
    {
      name: 'service-does-not-import-the-entries',
      severity: 'error',
      from: { path: '^src/service/' },
      to: { path: '^src/[^/]+\\.ts$' },
    },
    {
      name: 'use-cases-know-no-role-below-or-above',
      severity: 'error',
      from: { path: useCase, pathNot: adapterFolders },
      to: {
        path: [
          '\\.(sql|rows|routes|schemas|guard|http|adapter)\\.ts$',
          adapterFolders,
          '^src/platform/(http|postgres|net|crypto)/',
          '^src/generated/',
        ],
        pathNot: '\\.store\\.ts$',
      },
    },
    {
      name: 'use-cases-and-stores-import-no-package-and-no-node-module',
      severity: 'error',
      from: { path: [useCase, `${inNouns}[^.]+\\.store\\.ts$`], pathNot: adapterFolders },
      to: { pathNot: '^src/' },
    },
    {
      name: 'stores-are-types-of-the-domain',
      severity: 'error',
      from: { path: '\\.store\\.ts$' },
      to: {
        path: '^src/',
        pathNot: ['^src/domain/', '\\.store\\.ts$', '^src/platform/[^/]+\\.ts$'],
      },
    },
    {
      name: 'http-knows-no-sql-and-no-adapter',
      severity: 'error',
      from: { path: ['\\.(routes|schemas|guard|http)\\.ts$', '^src/platform/http/'] },
      to: {
        path: [
          '\\.(sql|rows|adapter)\\.ts$',
          '^src/(platform/postgres|generated)/',
          adapterFolders,
        ],
      },
    },
    {
      name: 'sql-knows-no-http-and-no-use-case',
      severity: 'error',
      from: { path: ['\\.(sql|rows)\\.ts$', '^src/platform/postgres/'] },
      to: {
        path: ['\\.(routes|schemas|guard|http|adapter)\\.ts$', '^src/platform/http/', useCase],
      },
    },
    {
      name: 'only-sql-knows-prisma-and-pg',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['\\.(sql|rows)\\.ts$', '^src/(platform/postgres|generated)/'],
      },
      to: { path: 'node_modules/(@prisma|prisma|pg|pg-[a-z]+)/|^src/generated/' },
    },
    {
      name: 'only-http-knows-fastify',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          '\\.(routes|guard|http)\\.ts$',
          '^src/(platform/http/|service/(app|app-options|routes)\\.ts$)',
        ],
      },
      to: { path: 'node_modules/(fastify|@fastify)' },
    },
    {
      name: 'only-adapters-know-push-libraries',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/push/(apns/|fcm/|[^/]+\\.adapter\\.ts$)' },
      to: { path: 'node_modules/(@parse/node-apn|firebase-admin)/' },
    },
    {
      name: 'product-knows-nothing-outside-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: outside },
    },
    {
      name: 'clients-stand-alone',
      severity: 'error',
      from: { path: '^clients/' },
      to: { path: '^(src|simulator|demo|web|examples|bench|test)/' },
    },
    {
      name: 'typescript-client-imports-only-itself-and-jose',
      severity: 'error',
      from: { path: '^clients/typescript/' },
      to: { pathNot: '^clients/typescript/|^node_modules/jose/' },
    },
    {
      name: 'simulator-knows-only-the-wire',
      severity: 'error',
      from: { path: '^simulator/' },
      to: { path: '^(src|demo|web|examples|bench|test)/' },
    },
    {
      name: 'demo-knows-only-the-wire',
      severity: 'error',
      from: { path: '^demo/' },
      to: { path: '^(src|web|examples|bench|test)/' },
    },
    {
      name: 'bench-knows-only-the-wire',
      severity: 'error',
      from: { path: '^bench/', pathNot: '^bench/(bare|stored)/' },
      to: { path: '^(src|web|examples|test)/' },
    },
    {
      // The model it is measured by runs on the same PostgreSQL, with the same settings, as the service.
      name: 'bare-model-takes-only-the-start-of-postgresql',
      severity: 'error',
      from: { path: '^bench/bare/' },
      to: {
        path: '^(src|examples|test)/',
        pathNot: '^src/platform/postgres/embedded/embedded-postgres\\.ts$',
      },
    },
    {
      // It starts the PostgreSQL whose counts it reads, and names statements as the service does.
      name: 'stored-takes-only-the-start-of-postgresql-and-the-names-of-statements',
      severity: 'error',
      from: { path: '^bench/stored/' },
      to: {
        path: '^(src|examples|test)/',
        pathNot: '^src/platform/postgres/(embedded/embedded-postgres|statement)\\.ts$',
      },
    },
    {
      name: 'examples-know-only-the-wire',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(src|simulator|demo|web|bench|test)/' },
    },
    {
      // What it says is translated with everything else; what it does is the device protocol's.
      name: 'web-knows-only-the-device-client-and-the-texts',
      severity: 'error',
      from: { path: '^web/' },
      to: {
        path: '^(src|simulator|demo|examples|bench|test|clients/typescript)/',
        pathNot: '^src/platform/texts/(authenticator/|fill\\.ts$|translation\\.ts$)',
      },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    // Deliberate: not `exclude`, which would also hide who imports the generated client.
    doNotFollow: { path: ['node_modules', '^src/generated/'] },
    // What is built there is nobody's source.
    exclude: { path: '^web/dist' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
}
