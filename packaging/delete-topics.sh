#!/bin/sh
# Deletes the command topic, and with it all that it commands.
set -u

usage() {
    cat <<'END'
Usage: delete-topics.sh [-i INSTANCE] [-y]
  -i  the instance of that name
  -y  without asking
The brokers are BOOTSTRAP_SERVERS, else those of the service's configuration.
END
}

refuse() {
    echo "delete-topics.sh: $1" >&2
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

instance='' yes=''
while getopts ':i:yh' option; do
    case $option in
        i) instance=$OPTARG ;;
        y) yes=--yes ;;
        h) usage; exit 0 ;;
        :) refuse "-$OPTARG needs a value" ;;
        *) refuse "-$OPTARG is not known" ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || refuse "$1 is not expected"
client=$(find_client) || exit 1
ask() { "$client" ${instance:+"--instance=$instance"} "$@"; }

ask delete-topics ${yes:+"$yes"}
