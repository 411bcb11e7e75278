#!/usr/bin/env bash
# Builds the images of the stack `airgap` from Debian, Go and Python packages alone, for machines that no image registry
# can be reached from. An image is built when it is missing or when what it is made of has changed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage() {
    cat <<'TEXT'
usage: scripts/build-airgap-images.sh [--list] [--only NAME,...] [--force] [-h]

  --list      print the images and stop
  --only      build these (and the base they stand on) instead of all
  --force     build them anew, with the newest Debian packages, though nothing has changed

What Go downloads and compiles stays in ${SLIDEGENIE_CACHE:-~/.cache/slidegenie}, up to 20 GB for all images; it may be
deleted at any time.
TEXT
}
say() { printf '==> %-48s %s\n' "$1" "$2"; }

images=docker/airgap
# Every other image stands on this one.
base=debian
label=slidegenie.airgap.key
cache=${SLIDEGENIE_CACHE:-$HOME/.cache/slidegenie}
work=$cache/work
logs=$cache/logs

# --- What there is. A folder with a Dockerfile is an image; its version label is its tag.

names() { find "$images" -mindepth 2 -maxdepth 2 -name Dockerfile -printf '%h\n' | sed 's|.*/||' | sort; }

reference() {
    local tag
    tag=$(sed -n 's/.*org\.opencontainers\.image\.version="\([^"]*\)".*/\1/p' "$images/$1/Dockerfile")
    echo "slidegenie-airgap/$1:$tag"
}

# What an image stands on or copies from: other stand-ins.
parents() { sed -n 's|^FROM slidegenie-airgap/\([^: ]*\).*|\1|p' "$images/$1/Dockerfile" | sort --unique; }

# --- What is up to date. The key of an image covers all that goes into it, but for the packages Debian has today.

key() {
    local parent
    {
        find -L "$images/$1" -type f -print0 | LC_ALL=C sort --zero-terminated | xargs --null sha256sum
        if [ -e "$images/$1/go.mod" ]; then sha256sum scripts/build-go-module.sh; fi
        if [ "$1" = "$base" ]; then sha256sum "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"; fi
        for parent in $(parents "$1"); do key "$parent"; done
    } | sha256sum | cut --delimiter=' ' --fields=1
}

up_to_date() {
    [ "$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$(reference "$1")" 2>/dev/null)" = "$(key "$1")" ]
}

# --- Building one. Docker names an image once it is complete, so an interrupted build leaves the name as it was.

fill_context() {
    cp --recursive "$images/$1/." "$work/$1" || return
    if [ -e "$images/$1/rootfs.sh" ]; then "$images/$1/rootfs.sh" "$work/$1/rootfs.tar" || return; fi
    if [ -e "$images/$1/go.mod" ]; then scripts/build-go-module.sh "$images/$1" "$work/$1/bin" || return; fi
}

build_context() {
    local options=() variable
    for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        if [ -n "${!variable:-}" ]; then options+=(--build-arg "$variable"); fi
    done
    if [ "$force" = yes ]; then options+=(--no-cache); fi
    # The network of the host reaches what the host reaches, whatever became of Docker's bridge. The builder is the
    # engine's own: any other one would not see the base image.
    env --unset=BUILDX_BUILDER DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --network host \
        --label "$label=$(key "$1")" --tag "$(reference "$1")" "${options[@]}" "$work/$1"
}

# The base is made beside the compiling of what stands on it.
wait_for_base() {
    case " $all " in *" $base "*) ;; *) return ;; esac
    until [ "$1" = "$base" ] || grep --quiet --line-regexp "$base" "$work/done" 2>/dev/null; do
        if [ -e "$work/no-base" ]; then echo "==> $(reference "$base"), which it stands on, could not be built"; return 1; fi
        sleep 0.2
    done
}

build() {
    local started=$SECONDS size
    if [ -e "$work/no-base" ]; then return 1; fi
    if ! { mkdir -p "$work/$1" && fill_context "$1" && wait_for_base "$1" && build_context "$1"; } >"$logs/$1.log" 2>&1; then
        if [ "$1" = "$base" ]; then touch "$work/no-base"; fi
        say "$(reference "$1")" "FAILED: $(reason "$logs/$1.log") (all of it: $logs/$1.log)" >&2
        return 1
    fi
    rm -rf "${work:?}/$1"
    size=$(docker image inspect --format '{{.Size}}' "$(reference "$1")")
    say "$(reference "$1")" "built: $((size / 1000000)) MB, $((SECONDS - started)) s; $(progress "$1" $((SECONDS - started)))"
}

# --- How far it is. Each lane builds one image after the other; the longer one says how long it takes.

# Seconds an image takes: as long as the last time here, or as on two quiet cores without anything there.
seconds_of() { cat "$cache/seconds/$1" 2>/dev/null || sed -n "s/^$1 //p" "$images/seconds" | grep . || echo 20; }

lane_of() { if [ -e "$images/$1/go.mod" ]; then echo compiled; else echo packaged; fi; }

# Notes that an image is built and how many seconds it took, and tells how far that is.
progress() (
    exec 7>"$work/progress.lock"
    flock 7
    mkdir -p "$cache/seconds"
    echo "$2" >"$cache/seconds/$1"
    echo "$1" >>"$work/done"
    local minutes
    minutes=$(minutes_left)
    echo "$(wc --lines <"$work/done") of $(wc --words <<<"$all")$([ "$minutes" = 0 ] || echo ", about $minutes min left")"
)

minutes_left() {
    local name longest
    declare -A left=([compiled]=0 [packaged]=0)
    for name in $all; do
        if ! grep --quiet --line-regexp "$name" "$work/done" 2>/dev/null; then
            left[$(lane_of "$name")]=$((left[$(lane_of "$name")] + $(seconds_of "$name")))
        fi
    done
    longest=$((left[compiled] > left[packaged] ? left[compiled] : left[packaged]))
    echo $(((longest + 59) / 60))
}

# --- What building needs.

need_mmdebstrap() {
    if command -v mmdebstrap >/dev/null; then return; fi
    local packages=(mmdebstrap debian-archive-keyring)
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "==> installing mmdebstrap from the distribution"
        { apt-get update && apt-get install --yes --no-install-recommends "${packages[@]}"; } >"$logs/mmdebstrap.log" 2>&1 \
            || fail "mmdebstrap could not be installed: $(reason "$logs/mmdebstrap.log") (all of it: $logs/mmdebstrap.log)"
    else
        fail "mmdebstrap is not installed: on Debian or Ubuntu run \`sudo apt-get install ${packages[*]}\`"
    fi
}

# --- The command.

force=no
selected=()
while [ $# -gt 0 ]; do
    case $1 in
        --list) for name in $(names); do reference "$name"; done; exit ;;
        --only) [ $# -ge 2 ] || fail "--only needs the names of images, e.g. --only postgres,redis"
                IFS=, read -ra selected <<<"$2"; shift ;;
        --force) force=yes ;;
        -h | --help) usage; exit ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
for name in "${selected[@]}"; do
    [ -e "$images/$name/Dockerfile" ] || fail "there is no image \"$name\"; the images are: $(names | paste --serial --delimiters=' ')"
done
[ ${#selected[@]} -gt 0 ] || mapfile -t selected < <(names)

command -v docker >/dev/null || fail "Docker is not installed: on Debian or Ubuntu run \`sudo apt-get install docker.io\`"
docker version >/dev/null 2>&1 || fail "the Docker engine does not answer: \`docker version\` says why"

# One run at a time, so what an interrupted one left in the work folder is nobody's.
mkdir -p "$cache" "$logs"
exec 9>"$cache/airgap.lock"
flock --nonblock 9 || { echo "==> another run is building; waiting for it"; flock 9; }
rm -rf "$work"

stale=()
for name in "${selected[@]}"; do
    if [ "$force" = no ] && up_to_date "$name"; then say "$(reference "$name")" "up to date"; else stale+=("$name"); fi
done
[ ${#stale[@]} -gt 0 ] || exit 0

scripts/install-docker-plugins.sh buildx

# An image comes after what it stands on, and what compiles longest first, so that nothing long is left for the end.
ordered=()
order() {
    local name=$1 parent
    case " ${ordered[*]} " in *" $name "*) return ;; esac
    for parent in $(parents "$name"); do
        case " ${stale[*]} " in *" $parent "*) order "$parent" ;; *) up_to_date "$parent" || order "$parent" ;; esac
    done
    ordered+=("$name")
}
while read -r _ name; do order "$name"; done < <(
    for name in "${stale[@]}"; do echo "$(seconds_of "$name") $name"; done | sort --numeric-sort --reverse
)
mkdir -p "$work"
all="${ordered[*]}"
export -f say reference parents key fill_context build_context wait_for_base build reason progress minutes_left seconds_of lane_of
export images base label cache work logs force all
if [ "${ordered[0]}" = "$base" ]; then need_mmdebstrap; fi
echo "==> building ${#ordered[@]} stand-in images, once: about $(minutes_left) min"

# Lanes: a compiler takes every core, so modules go one after the other; what is made of packages waits for the network,
# beside it, and so do the downloads of the modules that come next. xargs and not `&`: Ctrl-C then reaches all of them.
lane() { for name in "${ordered[@]}"; do if [ "$(lane_of "$name")" = "$1" ]; then printf '%s ' "$name"; fi; done; }
# A download that fails is made again by the build, which says why.
download() { for name in $1; do scripts/build-go-module.sh "$images/$name" --download >/dev/null 2>&1 || true; done; }
build_all() { local status=0; for name in $1; do build "$name" || status=1; done; return $status; }
export -f download build_all
# shellcheck disable=SC2016 # the inner shell fills in the names
printf '%s\n' "build_all '$(lane compiled)'" "build_all '$(lane packaged)'" "download '$(lane compiled)'" \
    | xargs --max-procs=3 --delimiter='\n' --max-args=1 bash -c 'eval "$1"' lane \
    || fail "not every image could be built; run it again once the cause is fixed"
