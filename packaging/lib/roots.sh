# shellcheck shell=bash
# Clean Debian roots: made once by mmdebstrap, kept as archives in the cache, unpacked for each use. Sourced.
#
# Where packages come from is the machine's own configuration of apt, read when a root is made; E2K_MIRROR names another
# mirror of Debian (on a machine whose apt speaks of something else). What a root runs, it runs in namespaces of its own
# for mounts and processes, so that nothing stays mounted and no process is left when the command ends, however it ends.
# Callers set `cache`, and define die and say.

# root_why_not SUITE: says in one line why no clean root can be made and used here, and nothing where it can. What is
# missing is of the machine (rights, a mirror, room); no fault of the sources makes it speak.
root_why_not() {
  local suite=$1 mirror reply
  ((EUID == 0)) || { echo "only root can make clean systems"; return; }
  unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net true 2>/dev/null ||
    { echo "no namespaces may be made here (unshare)"; return; }
  # shellcheck disable=SC2016  # expanded by the inner shell
  reply=$(unshare --mount --propagation private --pid --fork bash -ec '
    folder=$(mktemp -d); trap "rmdir \"$folder\"" EXIT
    mount -t tmpfs tmpfs "$folder"; mkdir "$folder/proc"; : >"$folder/null"
    mount -t proc proc "$folder/proc"; mount --bind /dev/null "$folder/null"
    umount -R "$folder"' 2>&1) || { echo "nothing may be mounted here: ${reply//$'\n'/; }"; return; }
  mkdir -p "$cache"
  (($(df --output=avail -B1M "$cache" | tail -n1) >= 6000)) || { echo "less than 6 GB are free in $cache"; return; }
  mirror=$(root_sources "$suite" 2>&1) || { echo "${mirror//$'\n'/ }"; return; }
  mirror=$(sed -n '1s/^deb //; 1s/ .*//p' <<<"$mirror")
  reply=$(mktemp)
  timeout 60 /usr/lib/apt/apt-helper -qq download-file "${mirror%/}/dists/$suite/InRelease" "$reply" >/dev/null 2>&1 &&
    [[ -s $reply ]] || echo "the mirror of Debian that apt knows here gives nothing of $suite"
  rm -f "$reply"
}

# root_sources SUITE: lines for sources.list. The mirror is the one that the machine uses.
root_sources() {
  local suite=$1 main=${E2K_MIRROR:-} security=${E2K_SECURITY_MIRROR:-} label uri
  if [[ -z $main ]]; then
    while IFS='|' read -r label uri; do
      if [[ $label == Debian ]]; then main=${main:-$uri}; fi
      if [[ $label == Debian-Security ]]; then security=${security:-$uri}; fi
    done < <(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Identifier: Packages' 2>/dev/null)
  fi
  [[ -n $main ]] || die "this machine's apt knows no mirror of Debian: run apt-get update, or set E2K_MIRROR"
  echo "deb $main $suite main"
  echo "deb $main $suite-updates main"
  if [[ -n $security ]]; then echo "deb $security $suite-security main"; fi
}

# What the machine's apt needs to reach its mirror.
root_apt_options() {
  apt-config dump 2>/dev/null | grep -E '^Acquire::(https?::|Retries|ForceIPv[46])' | grep -v '""' || true
}

# root_archive SUITE VARIANT PACKAGE…: prints the archive of a root that holds these packages, made when it is missing or
# older than a week.
root_archive() {
  local suite=$1 variant=$2 key archive include options=() line
  shift 2
  key=$(printf '%s\n' "$suite" "$variant" "$@" | sha256sum)
  archive=$cache/roots/$suite-${key:0:12}.tar
  mkdir -p "$cache/roots"
  if [[ -z $(find "$archive" -mtime -7 2>/dev/null) ]]; then
    command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: sudo apt-get install mmdebstrap"
    say "making a root of Debian $suite (minutes, once a week)"
    include=$(IFS=,; echo "$*")
    while read -r line; do if [[ -n $line ]]; then options+=("--aptopt=$line"); fi; done < <(root_apt_options)
    root_sources "$suite" >"$archive.sources"
    mmdebstrap --quiet --format=tar --dpkgopt=force-unsafe-io --variant="$variant" ${include:+--include="$include"} "${options[@]}" \
      --aptopt='Acquire::Retries "3"' "$suite" "$archive.new" - <"$archive.sources" >&2 || die "the root of Debian $suite could not be made"
    mv "$archive.new" "$archive"
    rm -f "$archive.sources"
  fi
  echo "$archive"
}

# root_unpack ARCHIVE FOLDER
root_unpack() {
  mkdir -p "$2"
  tar -C "$2" --numeric-owner --exclude=./dev/'*' -xf "$1" || die "$1 could not be unpacked: is the disk full?"
  cp -L /etc/resolv.conf "$2/etc/resolv.conf"
}

# root_run FOLDER [--bind FROM:TO]… [--offline] [--set NAME=VALUE]… -- COMMAND…
# The command sees nothing of the machine but what is bound; --offline: not even its network.
root_run() {
  # --pdeathsig: whoever ends the caller ends what runs in the root.
  local folder=$1 binds=() unshare=(setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child --uts --ipc)
  # LANG: rpmbuild sets it so, and what ccache has is of one setting.
  local variables=(PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C LC_ALL=C.UTF-8 TZ=UTC)
  shift
  while [[ $1 != -- ]]; do
    case $1 in
      --bind) binds+=("$2"); shift 2 ;;
      --offline) unshare+=(--net); shift ;;
      --set) variables+=("$2"); shift 2 ;;
    esac
  done
  shift
  # shellcheck disable=SC2016  # expanded by the inner shell
  "${unshare[@]}" bash -euc '
    folder=$1; shift
    mount -t proc proc "$folder/proc"
    mount -t tmpfs -o mode=755,size=16m tmpfs "$folder/dev"
    mkdir "$folder/dev/shm" "$folder/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$folder/dev/shm"
    for node in null zero full random urandom tty; do
      : >"$folder/dev/$node"; mount --bind "/dev/$node" "$folder/dev/$node"
    done
    ln -s /proc/self/fd "$folder/dev/fd"; ln -s /proc/self/fd/0 "$folder/dev/stdin"
    ln -s /proc/self/fd/1 "$folder/dev/stdout"; ln -s /proc/self/fd/2 "$folder/dev/stderr"
    while [[ $1 != -- ]]; do
      if [[ -d ${1%%:*} ]]; then mkdir -p "$folder/${1#*:}"; else mkdir -p "$(dirname "$folder/${1#*:}")"; : >>"$folder/${1#*:}"; fi
      mount --rbind "${1%%:*}" "$folder/${1#*:}"; shift
    done
    shift
    if command -v ip >/dev/null; then ip link set lo up 2>/dev/null || true; fi
    exec chroot "$folder" env -i "$@"' bash "$folder" "${binds[@]}" -- "${variables[@]}" "$@"
}

# Options for root_run that let pip and npm in a root reach what they reach outside: the machine's settings and certificates.
root_registry_options() {
  local name file
  while read -r name; do
    printf '%s\n' --set "$name=${!name}"
  done < <(compgen -e | grep -E '^(PIP_|npm_config_|NPM_CONFIG_|NODE_EXTRA_CA_CERTS$|(https?|all|no)_proxy$|(HTTPS?|ALL|NO)_PROXY$|SSL_CERT_)')
  for file in /etc/ssl/certs /etc/pip.conf "$HOME/.npmrc" "$HOME/.config/pip"; do
    if [[ -e $file ]]; then printf '%s\n' --bind "$file:${file/#$HOME//root}"; fi
  done
}
