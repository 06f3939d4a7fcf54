#!/bin/sh
# The build steps of the image, run by the Dockerfile and by its rehearsal (scripts/image.ts) alike:
#   client   writes src/generated
#   web      writes web/dist
#   install  installs what the service needs at run time, and nothing else
#   compile  writes compiled code into the named folder, which must be new
# No script of a dependency runs; `prepare` is ours.
set -eu

# With the optional dependencies: the programs that build web/ are among them, by platform.
client() {
  npm ci --ignore-scripts
  npm run prepare
}

web() {
  npm run build:web
}

# Without the optional dependencies there is no PostgreSQL inside: DATABASE_URL is required.
install() {
  npm ci --omit=dev --omit=optional --ignore-scripts
  # 60 of 165 MB: Prisma's query compiler for every database, in two sizes and two module formats.
  # The client imports one of them.
  find node_modules/@prisma/client/runtime -type f -name 'query_compiler_*' \
    ! -name 'query_compiler_fast_bg.postgresql.mjs' \
    ! -name 'query_compiler_fast_bg.postgresql.wasm-base64.mjs' -delete
  # For editors and compilers: of a package Node reads neither TypeScript nor source maps.
  find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) \
    -delete
}

# What a start loads, and what is loaded late. Of main.ts only the refusal of a role can be run here.
compile() {
  mkdir "$1"
  export NODE_COMPILE_CACHE="$1"
  if ROLE=none node src/main.ts 2>"$1/refusal"; then exit 1; fi
  grep -q 'ROLE: must be one of' "$1/refusal"
  rm "$1/refusal"
  node src/cli.ts --help >"$1/usage"
  rm "$1/usage"
  node --input-type=module --eval "
    await import('./src/service/compose.ts')
    await import('./src/service/cli/cli-commands.ts')
    await import('./src/service/docs/docs-page.ts')
    await import('./src/platform/http/openapi.ts')
    await import('./src/platform/net/redis-signals.ts')
    await import('./src/enrollments/attestation/android-attestation.ts')
    await import('./src/enrollments/attestation/app-attest.ts')
    await import('./src/generated/prisma/client.ts')
    await import('@prisma/adapter-pg')
    await import('@parse/node-apn')
    await import('firebase-admin/app')
    await import('firebase-admin/messaging')"
}

case "${1-}" in
  client | web | install) "$1" ;;
  compile) compile "$2" ;;
  *) echo "usage: $0 client|web|install|compile FOLDER" >&2; exit 2 ;;
esac
