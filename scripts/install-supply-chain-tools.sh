#!/usr/bin/env bash
# Installs Trivy, Syft and Cosign for this user where they are missing: scripts/install-supply-chain-tools.sh [TOOL...]
# By name also Dockle, which only the tests of the images use.
#
# They are built as Go modules (docker/airgap/{trivy,syft,cosign,dockle}), so that the Go proxy is all they need. Machines
# that reach an image registry need none of this: the same releases then run as containers (components/versions.yaml).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

target=${SLIDEGENIE_BIN:-$HOME/.local/bin}
[ $# -gt 0 ] || set -- trivy syft cosign
for tool in "$@"; do
    case $tool in trivy | syft | cosign | dockle) ;; *) fail "there is no tool \"$tool\"; the tools are trivy, syft, cosign and dockle" ;; esac
    # What this script has built is built again when its versions change; what somebody installed is theirs.
    key=$(cat "docker/airgap/$tool"/* | sha256sum)
    if [ -x "$target/$tool" ]; then
        if [ ! -e "$target/.$tool.key" ] || [ "$(cat "$target/.$tool.key")" = "$key" ]; then continue; fi
    elif command -v "$tool" >/dev/null; then
        continue
    fi
    echo "==> building $tool, some minutes the first time"
    work=$(mktemp --directory)
    trap 'rm -rf "$work"' EXIT
    log=${SLIDEGENIE_CACHE:-$HOME/.cache/slidegenie}/logs/$tool.log
    mkdir -p "$target" "$(dirname "$log")"
    # Trivy uses a JSON package that Go 1.26 still calls an experiment; the others are built without it.
    experiment=
    if [ "$tool" = trivy ]; then experiment=jsonv2; fi
    GOEXPERIMENT=$experiment scripts/build-go-module.sh "docker/airgap/$tool" "$work" >"$log" 2>&1 \
        || fail "$tool could not be built: $(reason "$log") (all of it: $log)"
    # Renamed into place: nobody must ever start half a program.
    install -m 0755 "$work/$tool" "$target/.$tool.new"
    mv "$target/.$tool.new" "$target/$tool"
    echo "$key" >"$target/.$tool.key"
    rm -rf "$work"
    echo "==> $tool is in $target"
done
