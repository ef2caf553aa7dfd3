# shellcheck shell=sh
# Sourced by the scripts beside it: how they refuse what they do not know, their options, and where the client is.
# Each has a function `usage` by then.

script=$(basename -- "$0")

refuse() {
    echo "$script: $1" >&2
    usage >&2
    exit 2
}

find_client() {
    here=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
    for folder in "$here" "$here/../bin" "$here/../../../bin" "$here/../build/release/bin" "$here/../build/quick/bin" \
        "$here/../build/ci/bin" "$here/../build/dev/bin"; do
        if [ -x "$folder/epics2kafkactl" ]; then
            echo "$folder/epics2kafkactl"
            return
        fi
    done
    command -v epics2kafkactl && return
    echo "$script: epics2kafkactl is neither beside this script nor in its ../bin or ../../../bin nor on PATH" >&2
    exit 1
}

# begin OPTIONS ARGUMENTS…: of getopts' letters i: (an instance), y (without asking) and h. Then `ask` calls the client.
begin() {
    options=$1 instance='' yes=''
    shift
    while getopts ":$options" option; do
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
}

ask() { "$client" ${instance:+"--instance=$instance"} "$@"; }
