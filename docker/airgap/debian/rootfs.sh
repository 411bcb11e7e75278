#!/usr/bin/env bash
# Writes the root file system of Debian 12 as a tar archive, from Debian packages alone: rootfs.sh ARCHIVE
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

# The packages are those of `debian:bookworm-slim`, plus the certificate authorities and the protocol names that the
# official language images add. The mirror is mmdebstrap's default, which is also what the image's apt will use. With
# /usr merged from the start, usr-is-merged stands for the package that would merge it and needs 50 MB of Perl.
mmdebstrap \
    --variant=minbase \
    --include=ca-certificates,netbase,tzdata,usr-is-merged \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --aptopt="$here/apt-slim.conf" \
    --dpkgopt="$here/dpkg-slim.conf" \
    --customize-hook="$here/finish.sh" \
    bookworm "$1"
