import { defineConfig } from 'prisma/config'

// `prisma generate` needs no native engine, yet the CLI insists on downloading one unless this
// names a file that exists.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
})
