#!/usr/bin/env bash
# Builds commands of a Go wrapper module as static binaries: scripts/build-go-module.sh FOLDER OUTPUT [PACKAGE...]
# With --download in place of OUTPUT, it only fetches what that takes; with --compile, it leaves the linking to a later run.
#
# FOLDER has go.mod and go.sum. Comments at the top of go.mod say how to link, `// ldflags: ` (as many as it takes; the
# commands tell their version by them), and what to leave out, `// tags: ` (build tags, joined by commas). OUTPUT is the
# folder to write to. The packages are those of the `tool` lines of go.mod unless they are named. A fresh Debian has no
# Go, or one of years ago: then the Go proxy serves the toolchain as well, because a toolchain is a module.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# shellcheck source=scripts/common.sh
. "$here/common.sh"

# renovate: datasource=golang-version depName=go
toolchain=1.26.8

go_version() { go version | sed -E 's/^go version go([0-9.]+).*/\1/'; }

[ $# -ge 2 ] || fail "usage: scripts/build-go-module.sh FOLDER OUTPUT|--download|--compile [PACKAGE...]"
module=$(realpath "$1")
output=$(realpath --canonicalize-missing -- "$2")

cache=${SLIDEGENIE_CACHE:-$HOME/.cache/slidegenie}/go
mkdir -p "$cache"
export GOMODCACHE=$cache/modules GOCACHE=$cache/build CGO_ENABLED=0

# One at a time: two modules that start together need the same toolchain.
exec 8>"$cache/toolchain.lock"
flock 8
if ! command -v go >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "==> installing golang-go from the distribution"
        apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends golang-go
    else
        fail "Go is not installed: on Debian or Ubuntu run \`sudo apt-get install golang-go\` (any version will do)"
    fi
fi
if ! at_least "$(go_version)" "$(sed -n 's/^go //p' "$module/go.mod")"; then
    name=golang.org/toolchain@v0.0.1-go$toolchain.linux-$(go env GOARCH)
    echo "==> $(go version) is too old for this module: taking $name"
    # The module is not this one's dependency, so the question is asked outside of it.
    (cd / && go mod download -modcacherw "$name")
    goroot=$GOMODCACHE/$name
    # A module holds no executable bits, and no go.mod below its own.
    chmod +x "$goroot"/bin/* "$goroot"/pkg/tool/*/*
    cp --update "$goroot/src/_go.mod" "$goroot/src/go.mod"
    export GOROOT=$goroot PATH=$goroot/bin:$PATH
fi
flock --unlock 8

cd "$module"
tags=$(sed -n 's|^// tags: ||p' go.mod)
ldflags="-s -w $(sed -n 's|^// ldflags: ||p' go.mod | tr '\n' ' ')"
export GOTOOLCHAIN=local
what=$2
shift 2
[ $# -gt 0 ] || set -- tool
if [ "$what" = --download ]; then
    go list -modcacherw -deps -tags "$tags" "$@" >/dev/null
    exit
fi
# One at a time: a compiler takes every core, and what another run is compiling is there once it is done.
exec 7>"$cache/compile.lock"
flock 7
# Without debug information, which is left out of the binaries anyway, and without inlining, compiling takes a third less
# (38 of 120 CPU seconds in Alertmanager's module). Somebody waits for it, and these binaries stand in for the real ones.
flags=(-modcacherw -trimpath -gcflags 'all=-dwarf=false -l' -tags "$tags")
if [ "$what" = --compile ]; then
    go list "${flags[@]}" -deps -export "$@" >/dev/null
    exit
fi
mkdir -p "$output"
go build "${flags[@]}" -ldflags "$ldflags" -o "$output/" "$@"
