/** The import law: which folder may import which. test/architecture.test.ts proves that it sees every file and bites. */
const layer = (name, may, packages = true) => [
  {
    name: `${name}-imports-only-${['itself', ...may].join('-and-')}`,
    severity: 'error',
    from: { path: `^src/${name}/` },
    to: {
      path: '^(src|simulator|demo|web|clients|examples|bench|test)/',
      pathNot: `^src/(${[name, ...may].join('|')})/`,
    },
  },
  ...(packages
    ? []
    : [
        {
          name: `${name}-imports-no-package-and-no-node-module`,
          severity: 'error',
          from: { path: `^src/${name}/` },
          to: { pathNot: '^src/' },
        },
      ]),
]

module.exports = {
  forbidden: [
    ...layer('domain', [], false),
    ...layer('ports', ['domain'], false),
    ...layer('usecases', ['ports', 'domain'], false),
    ...layer('http', ['usecases', 'ports', 'domain']),
    ...layer('worker', ['usecases', 'ports', 'domain']),
    ...layer('persistence', ['ports', 'domain', 'generated']),
    ...layer('outbound', ['ports', 'domain']),
    {
      name: 'product-knows-nothing-outside-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(simulator|demo|web|clients|examples|bench|test)/' },
    },
    {
      name: 'only-persistence-knows-prisma-and-pg',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(persistence|generated)/' },
      to: { path: 'node_modules/(@prisma|prisma|pg|pg-[a-z]+)/|^src/generated/' },
    },
    {
      name: 'only-http-knows-fastify',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/http/' },
      to: { path: 'node_modules/(fastify|@fastify)' },
    },
    {
      name: 'only-outbound-knows-push-libraries',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/outbound/' },
      to: { path: 'node_modules/(@parse/node-apn|firebase-admin)/' },
    },
    {
      name: 'config-is-read-by-the-entries-only',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/(main|compose|cli|cli-commands|config|open-[a-z]+)\\.ts$',
      },
      to: { path: '^src/config\\.ts$' },
    },
    {
      name: 'entries-are-not-imported',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/(main|cli|compose|cli-commands|cli-audit|open-[a-z]+)\\.ts$',
      },
      to: { path: '^src/(main|compose|cli|cli-commands|open-[a-z]+)\\.ts$' },
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
      to: { path: '^(src|examples|bench|test)/' },
    },
    {
      name: 'bench-knows-only-the-wire',
      severity: 'error',
      from: { path: '^bench/', pathNot: '^bench/bare/' },
      to: { path: '^(src|examples|test)/' },
    },
    {
      // The model it is measured by runs on the same PostgreSQL, with the same settings, as the service.
      name: 'bare-model-takes-only-the-start-of-postgresql',
      severity: 'error',
      from: { path: '^bench/bare/' },
      to: {
        path: '^(src|examples|test)/',
        pathNot: '^src/persistence/embedded-postgres\\.ts$',
      },
    },
    {
      name: 'examples-know-only-the-wire',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(src|simulator|demo|web|bench|test)/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    // Deliberate: not `exclude`, which would also hide who imports the generated client.
    doNotFollow: { path: ['node_modules', '^src/generated/'] },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
}
