#!/bin/sh
# Prints the service's status as JSON. Exit code 0, 6 degraded, 3 not running.
set -u

usage() {
    cat <<'END'
Usage: show-status.sh [-i INSTANCE]
  -i  the instance of that name
END
}

refuse() {
    echo "show-status.sh: $1" >&2
    usage >&2
    exit 2
}

find_client() {
    here=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
    for folder in "$here" "$here/../bin" "$here/../build/release/bin" "$here/../build/ci/bin" "$here/../build/dev/bin"; do
        if [ -x "$folder/epics2kafkactl" ]; then
            echo "$folder/epics2kafkactl"
            return
        fi
    done
    command -v epics2kafkactl && return
    echo "$(basename -- "$0"): epics2kafkactl is neither beside this script nor in ../bin nor on PATH" >&2
    exit 1
}

instance=''
while getopts ':i:h' option; do
    case $option in
        i) instance=$OPTARG ;;
        h) usage; exit 0 ;;
        :) refuse "-$OPTARG needs a value" ;;
        *) refuse "-$OPTARG is not known" ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || refuse "$1 is not expected"
client=$(find_client) || exit 1
ask() { "$client" ${instance:+"--instance=$instance"} "$@"; }

status=$(ask --json status)
code=$?
if [ -n "$status" ]; then
    if command -v jq >/dev/null; then printf '%s\n' "$status" | jq .; else printf '%s\n' "$status"; fi
fi
exit $code
