#!/bin/sh
# Prompts the user's phone, from a PAM stack:
#   auth required pam_exec.so quiet stdout /usr/local/lib/countersign/countersign.sh
# Anything but an approval is a failure. Set both in /etc/countersign/pam-exec.conf, readable only by
# root:
#   COUNTERSIGN_DOOR=https://countersign.example.com/integrations/wait/int_...
#   COUNTERSIGN_HEADER=/etc/countersign/header, a file that contains: Authorization: Bearer <secret>
set -eu
umask 077

. "${COUNTERSIGN_CONFIG:-/etc/countersign/pam-exec.conf}"

[ "${PAM_TYPE:-}" = auth ] || exit 1

# The values for the JSON are checked rather than quoted: no name here needs more characters.
case "${PAM_USER:-}" in
'' | *[!A-Za-z0-9._@-]*) exit 1 ;;
esac
# A host name is no address; without an address, all sign-ins of the machine are one initiator.
case "${PAM_RHOST:-}" in
*[!0-9A-Fa-f.:]*) address= ;;
*) address=${PAM_RHOST:-} ;;
esac
host=$(hostname | tr -cd 'A-Za-z0-9.-')

# 32 random bits: the first digits are as likely as the others to within one in four thousand
# million.
random=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
number=$(printf '%06d' $((random % 1000000)))
echo "Type $number on your phone."

# The secret is in a file, because every user of the machine can read the arguments of a command.
status=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 610 \
	--header "@$COUNTERSIGN_HEADER" --header 'Content-Type: application/json' \
	--data "{\"username\":\"$PAM_USER\",\"number\":\"$number\",\"ip\":\"$address\",\"host\":\"$host\"}" \
	"$COUNTERSIGN_DOOR") || exit 1
[ "$status" = 204 ]
