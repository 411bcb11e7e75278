#!/usr/bin/env bash
# Finishes the root file system that rootfs.sh makes, before it is packed: finish.sh ROOT
set -euo pipefail

root=$1
bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

# Trust what this host trusts: where TLS is intercepted, downloads inside an image would fail otherwise. The authorities
# that Debian does not know go where administrators put their own, one file each, so that a later
# `update-ca-certificates` inside the image keeps them.
awk -v folder="$root/usr/local/share/ca-certificates" '
  /^-----BEGIN CERTIFICATE-----/ { certificate = ""; inside = 1 }
  inside { certificate = certificate $0 "\n" }
  /^-----END CERTIFICATE-----/ {
    inside = 0
    if (FILENAME == ARGV[1]) known[certificate] = 1
    else if (!(certificate in known)) {
      known[certificate] = 1
      file = sprintf("%s/host-%03d.crt", folder, ++count)
      printf "%s", certificate > file
      close(file)
    }
  }
' "$root/etc/ssl/certs/ca-certificates.crt" "$bundle"
chroot "$root" update-ca-certificates

# Nothing in these images changes its user.
find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +

# Of this host or of this run, not of the image.
rm -rf "$root"/var/cache/apt/* "$root"/var/log/* "$root"/var/cache/debconf/*-old "$root"/etc/hostname "$root"/etc/resolv.conf
