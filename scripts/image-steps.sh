#!/bin/sh
# The build steps of the image, run by the Dockerfile and by its rehearsal (scripts/image.ts) alike:
#   client   writes src/generated
#   install  installs what the service needs at run time, and nothing else
# No script of a dependency runs; `prepare` is ours.
set -eu

client() {
  npm ci --omit=optional --ignore-scripts
  npm run prepare
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

case "${1-}" in
  client | install) "$1" ;;
  *) echo "usage: $0 client|install" >&2; exit 2 ;;
esac
