import { defineConfig } from 'vitest/config'

const aside = 'test/{demo,bench,examples}/**/*.test.ts'
/** Faces in a browser, built before. */
const browser = 'test/browser/**/*.test.ts'

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // A file's modules stay loaded for the next one: loading them is half the cost of most files.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    coverage: { provider: 'v8', include: ['src/domain/**'], thresholds: { branches: 100 } },
    projects: [
      {
        extends: true,
        test: { name: 'service', include: ['test/**/*.test.ts'], exclude: [aside, browser] },
      },
      { extends: true, test: { name: 'aside', include: [aside] } },
      {
        extends: true,
        test: {
          name: 'browser',
          include: [browser],
          globalSetup: ['test/support/built-faces.ts'],
        },
      },
    ],
  },
})
