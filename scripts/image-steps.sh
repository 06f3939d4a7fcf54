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
}

case "${1-}" in
  client | install) "$1" ;;
  *) echo "usage: $0 client|install" >&2; exit 2 ;;
esac
