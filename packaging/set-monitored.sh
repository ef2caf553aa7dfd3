#!/bin/sh
# Sets or unsets one monitored channel, with the flags of the script that operators know. epics2kafkactl does it.
set -u

usage() {
    cat <<'END'
Usage: set-monitored.sh -c CHANNEL -t TOPIC -m MASK [-o OUTKEY]
       set-monitored.sh -c CHANNEL [-t TOPIC] -u
  -c  the channel
  -t  the output topic; with -u: of this topic only, else every entry of the channel
  -m  what to tell of: letters of v (value), a (alarm), l (log), p (property)
  -o  the key of the records; none or empty: the channel's name
  -u  monitor it no longer
The brokers are BOOTSTRAP_SERVERS, else those of the service's configuration.
END
}

. "$(dirname -- "$(readlink -f -- "$0")")/client.sh"

channel='' topic='' mask='' outkey='' unset_it=''
while getopts ':c:t:m:o:uh' option; do
    case $option in
        c) channel=$OPTARG ;;
        t) topic=$OPTARG ;;
        m) mask=$OPTARG ;;
        o) outkey=$OPTARG ;;
        u) unset_it=yes ;;
        h) usage; exit 0 ;;
        :) refuse "-$OPTARG needs a value" ;;
        *) refuse "-$OPTARG is not known" ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || refuse "$1 is not expected"
[ -n "$channel" ] || refuse '-c is missing'

if [ -n "$unset_it" ]; then
    client=$(find_client) || exit 1
    if [ -n "$topic" ]; then exec "$client" unset "--channel=$channel" "--topic=$topic"; fi
    exec "$client" unset "--channel=$channel"
fi
[ -n "$topic" ] || refuse '-t is missing'
[ -n "$mask" ] || refuse '-m is missing'
client=$(find_client) || exit 1
if [ -n "$outkey" ]; then
    exec "$client" set "--channel=$channel" "--topic=$topic" "--mask=$mask" "--outkey=$outkey"
fi
exec "$client" set "--channel=$channel" "--topic=$topic" "--mask=$mask"
