# Every command of the project. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# A variable counts where it is written behind `make`; one of this name that a machine happens to export means something
# else. Stack and engine may be exported: people work on one for a while.
given = $(if $(findstring command line,$(origin $1)),$($1))
yes := yes true 1 YES True
no := no false 0 NO False
flag = $(if $(filter-out $(yes) $(no),$(call given,$1)),$(error $1 must be yes or no (also true, false, 1, 0); \
	got '$(call given,$1)'))$(if $(filter $(yes),$(call given,$1)),$2)
option = $(if $(call given,$1),$2 '$(call given,$1)')
CLI = .venv/bin/python -m slidegenie
# Below, for each command; here for those without any, so that an exported one is not taken for them.
OPTIONS =
OF_STACK = $(if $(STACK),--stack '$(STACK)') $(if $(ENGINE),--engine '$(ENGINE)')

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  STACK=dev|prod|airgap   the stack. Default: what this user brought up last, else dev; of plan and secrets: dev"
	@echo "  ENGINE=pulumi|compose   what carries the plan out. Default: what brought the stack up, else Pulumi where it is"
	@echo "  SLIDEGENIE_HOME=FOLDER  state, passphrase and records. Default: ~/.slidegenie, of each user another one"
	@echo "  DOCKER_HOST=ADDRESS     the Docker engine; docker:host in Pulumi.STACK.yaml goes first, Docker contexts after it"
	@pid=$$(cat "$${SLIDEGENIE_HOME:-$$HOME/.slidegenie}/dockerd.pid" 2>/dev/null) \
		&& [ "$$(cat "/proc/$$pid/comm" 2>/dev/null)" = dockerd ] && grep -qs '^State:.[^ZX]' "/proc/$$pid/status" \
		&& echo "  \`kill $$pid\` stops the Docker engine that was started here" || true

.venv/.runtime: requirements.txt scripts/bootstrap.sh
	@scripts/bootstrap.sh requirements.txt $(filter up,$(MAKECMDGOALS))
	@touch $@

.venv/.dev: requirements-dev.txt scripts/bootstrap.sh
	@scripts/bootstrap.sh requirements-dev.txt
	@touch .venv/.runtime $@

.PHONY: up down destroy preview drift refresh password rotate releases rollback authority \
	secrets logs shell pytest backup backups restore drill
up: .venv/.runtime ## Bring the platform up; sets up whatever is missing (NEWEST=1: on the newest images)
down: .venv/.runtime ## Remove containers and networks, keep the data
destroy: .venv/.runtime ## Remove everything, data too; asks first
preview: .venv/.runtime ## Show what `make up` would change
drift: .venv/.runtime ## Show what was changed outside of the platform
refresh: .venv/.runtime ## Take changes made outside over into the state
password: .venv/.runtime ## Print the generated passwords
rotate: .venv/.runtime ## Replace a secret (SECRET=postgres); alone, list them with their age and what a rotation interrupts
releases: .venv/.runtime ## List the last good releases
rollback: .venv/.runtime ## Go back: to what serves if the last rollout broke, else to the release before this one
authority: .venv/.runtime ## Write the local authority's certificate to a file, to trust it
secrets: .venv/.runtime ## Write the secret files for the committed Compose files
logs: .venv/.runtime ## Follow the application's logs
shell: .venv/.runtime ## Open a shell in the application's container
pytest: .venv/.runtime ## Run the application's tests in its container
backup: .venv/.runtime ## Back everything up now (where backups are on: not in dev and airgap)
backups: .venv/.runtime ## List the backups
restore: .venv/.runtime ## Restore one (SNAPSHOT=latest, ONLY=postgres|objects); asks first
drill: .venv/.runtime ## Restore the newest backup on trial (where backups are on)
up: OPTIONS = $(call flag,NEWEST,--newest) $(call flag,LET_GO,--remove-data)
destroy: OPTIONS = $(call option,CONFIRM,--confirm) $(if $(call given,BACKUPS),$(if $(filter delete,$(BACKUPS)),--backups,$(error \
	BACKUPS must be delete, or be left out to keep them; got '$(BACKUPS)')))
rotate: OPTIONS = $(call option,SECRET)
rollback: OPTIONS = $(call flag,FORCE,--force)
restore: OPTIONS = $(call option,CONFIRM,--confirm) $(call option,SNAPSHOT,--snapshot) $(call option,ONLY,--only) \
	$(call flag,MIGRATE)$(if $(filter $(no),$(call given,MIGRATE)),--no-migrate)
up down destroy preview drift refresh password rotate releases rollback authority \
	logs shell pytest backup backups restore drill:
	@$(CLI) $@ $(OF_STACK) $(OPTIONS)
secrets:
	@$(CLI) $@ $(if $(STACK),--stack '$(STACK)')

.PHONY: engine
engine: .venv/.runtime ## Get a Docker engine to answer: install it, start it
	@$(CLI) engine

.PHONY: scan clean freshness schedule unschedule
scan: .venv/.runtime ## Scan what runs, judge it by the policy, and tell the monitoring
clean: .venv/.runtime ## Remove the stack's own unused images, containers and build cache (DRY_RUN=1 only says which)
freshness: .venv/.runtime ## Ask registries for newer base images
schedule: .venv/.runtime ## Have scan, clean and freshness run by timers of this host
unschedule: .venv/.runtime ## Remove those timers
clean: OPTIONS = $(call flag,DRY_RUN,--dry-run)
scan clean freshness schedule unschedule:
	@$(CLI) $@ $(OF_STACK) $(OPTIONS)

.PHONY: plan
plan: .venv/.runtime ## Show the whole platform without Docker or Pulumi (STACK=prod, ARGS=--json|--compose|--diagram)
	@$(CLI) $@ $(if $(STACK),--stack '$(STACK)') $(call given,ARGS)

.PHONY: diff
diff: .venv/.runtime ## Say what a change does to what runs (BASE=origin/main, HEAD=branch, STACK=prod, ARGS=--json)
	@$(CLI) $@ $(if $(STACK),--stack '$(STACK)') $(call given,ARGS) -- $(if $(call given,BASE),'$(BASE)',$(error \
		BASE must name what is there, such as make diff BASE=origin/main)) $(call option,HEAD)

.PHONY: policy
policy: .venv/.runtime ## Judge the stack by the container policy; LIVE=1 judges what runs
	@$(CLI) $@ $(OF_STACK) $(call flag,LIVE,--live)

.PHONY: lock
lock: ## Renew the locked requirements
	@scripts/lock.sh

.PHONY: generate
generate: .venv/.dev ## Write the files that are made from the code
	@.venv/bin/python -m scripts.generate

PY_SOURCES = __main__.py bench components slidegenie scripts docker/backup security tests examples
SHELL_SOURCES = $(wildcard scripts/*.sh) .ci/run $(wildcard docker/airgap/*/*.sh) $(wildcard docker/logins/*.sh)
DOCKERFILES = $(wildcard docker/*/Dockerfile docker/*/*.Dockerfile docker/airgap/*/Dockerfile examples/*/*/Dockerfile tests/*/*/Dockerfile)

.PHONY: check
check: .venv/.dev ## Lint, type-check, unit tests, generated files fresh: seconds, no Docker
	@.venv/bin/ruff check $(PY_SOURCES)
	@.venv/bin/ruff format --check $(PY_SOURCES)
	@.venv/bin/mypy
	@.venv/bin/lint-imports >.venv/imports.log || { cat .venv/imports.log; exit 1; }
	@.venv/bin/shellcheck --external-sources $(SHELL_SOURCES)
	@.venv/bin/hadolint $(DOCKERFILES)
	@.venv/bin/zizmor --offline --quiet .github/workflows
	@.venv/bin/python -m scripts.generate --check
	@.venv/bin/python -m pytest tests/unit -n auto --dist loadfile

.PHONY: format
format: .venv/.dev ## Format the code
	@.venv/bin/ruff check --fix $(PY_SOURCES)
	@.venv/bin/ruff format $(PY_SOURCES)

# Platforms that are tested at a time; tests of one platform wait for each other, and for the engine more than they work.
WORKERS ?= $(shell n=$$(( ($$(nproc) + 1) / 2 )); echo $$(( n < 2 ? 2 : n )))

.PHONY: test
test: check ## Run every test this machine can run; says what it skips and why
	@$(CLI) engine || echo "==> tests of what runs on an engine are skipped"
	@.venv/bin/python -m pytest tests/pulumi tests/engine -rs -n $(WORKERS) --dist loadscope --durations 15

.PHONY: release-check
release-check: .venv/.dev ## Run all that CONTRIBUTING.md asks for; prints the table for the pull request (ONLY=check,plan)
	@.venv/bin/python -m scripts.release_check $(if $(STACK),--stack '$(STACK)') $(call option,ONLY,--only)
