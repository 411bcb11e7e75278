#!/usr/bin/env bash
# Lets this machine's SSH reach the engine of a stack, in continuous integration. Takes, from the environment:
#   DEPLOY_KEY   private key of the login that DOCKER_HOST (ssh://...) names
#   KNOWN_HOSTS  lines of `ssh-keyscan`, looked at by a person once: no host is trusted because it answers
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

[ -n "${DEPLOY_KEY:-}" ] || fail "DEPLOY_KEY is not set: give the environment of this job the secret of that name"
[ -n "${KNOWN_HOSTS:-}" ] || fail "KNOWN_HOSTS is not set: give the environment of this job the variable of that name"
umask 077
mkdir -p ~/.ssh
printf '%s\n' "$DEPLOY_KEY" >~/.ssh/id_slidegenie
printf '%s\n' "$KNOWN_HOSTS" >~/.ssh/known_hosts
cat >~/.ssh/config <<'CONFIG'
Host *
  IdentityFile ~/.ssh/id_slidegenie
  IdentitiesOnly yes
  StrictHostKeyChecking yes
  ControlMaster auto
  ControlPath ~/.ssh/control-%C
  ControlPersist 60s
CONFIG
