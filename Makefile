# promdrill: every step of CI is a target here. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
# uv makes the environment from uv.lock. The one on PATH is used when it is new enough for the lock (see
# required-version in pyproject.toml); otherwise this version is put into a small environment of its own, by pip.
UV_VERSION := 0.13.9
UV_MINIMUM := 0.9

# --- variables of the drills -------------------------------------------------------------------------------------
# They reach `promdrill run`, `controls`, `ablate` and `repairs` through the environment, word for word: `override` and `value` keep make from reading
# a $ in them, and no shell ever sees them. Empty means unset.

RUN_VARIABLES := SCENARIO SCENARIOS KEEP CLUSTER ADOPT JOBS CHART CHART_VERSION REPO SUBCHARTS VALUES SET SCRAPES LOGIN APP_VERSION IMAGES KUBE_VERSION HELM_VERSION PROFILE SUPPLY REGISTRY_MIRROR BUNDLE CONTROL RUNBOOK BIND RULES ALERTMANAGER ALERT_SPEED HOLD GROWTH ALERTS REPEAT EVIDENCE
MATRIX_VARIABLES := CELL RESUME REPORTS
OTHER_VARIABLES := COMMIT DOCS KEEP_BUILD PYTHON BASE SUMMARY EXPECT OLD NEW DRILL RUNS TAG N SEED STRIKES FROM EXAMPLES ONLY

given := $(foreach v,$(.VARIABLES),$(if $(filter command line,$(origin $(v))),$(v)))
unknown := $(filter-out $(RUN_VARIABLES) $(MATRIX_VARIABLES) $(OTHER_VARIABLES),$(given))
related = $(if $(or $(findstring $(1),$(2)),$(findstring $(2),$(1))),$(2))
near = $(strip $(foreach u,$(unknown),$(foreach v,$(RUN_VARIABLES),$(call related,$(u),$(v)))))
ifneq ($(unknown),)
$(error unknown variable $(unknown); $(if $(near),did you mean $(near)? )drills take $(RUN_VARIABLES))
endif

$(foreach v,$(RUN_VARIABLES) $(MATRIX_VARIABLES),$(eval override $(v) := $$(value $(v))))
export $(RUN_VARIABLES) $(MATRIX_VARIABLES) KEEP_BUILD

# --- targets -----------------------------------------------------------------------------------------------------

##@ Drills

.PHONY: test-scenarios
test-scenarios: environment ## Run the drills on a kind cluster; variables below
	@.venv/bin/promdrill run

.PHONY: controls
controls: environment ## Each drill without its fault, with another, without remedy
	@.venv/bin/promdrill controls

.PHONY: ablate
ablate: environment ## SCENARIO=...: a drill without each step of its remedy in turn
	@.venv/bin/promdrill ablate

.PHONY: repairs
repairs: environment ## Other repairs: bad ones are refused, good ones accepted
	@.venv/bin/promdrill repairs

.PHONY: supply
supply: environment ## Fetch everything drills need; SCENARIO=... for less
	@.venv/bin/promdrill supply

.PHONY: bundle
bundle: environment ## Pack everything a run needs into one file, BUNDLE=file
	@.venv/bin/promdrill bundle

.PHONY: doctor
doctor: environment ## Check what a run needs; say how to fix what is missing
	@.venv/bin/promdrill doctor

.PHONY: clean
clean: environment ## Delete all clusters, stop the engine; CLUSTER=... for one
	@.venv/bin/promdrill clean $${CLUSTER:+"$$CLUSTER"}

.PHONY: clean-cache
clean-cache: environment ## Delete everything built or downloaded
	@.venv/bin/promdrill clean-cache

##@ Look at an incident

.PHONY: reproduce
reproduce: environment ## SCENARIO=...: make an incident happen, leave it standing
	@.venv/bin/promdrill reproduce

##: then: .venv/bin/promdrill shell, remedy, verify, and clean CLUSTER

##@ Matrix and releases

.PHONY: matrix
matrix: environment ## Run the cells of matrix.toml; CELL=id for one, RESUME=1
	@.venv/bin/promdrill matrix --run

.PHONY: matrix-supply
matrix-supply: environment ## Fetch everything that the cells of matrix.toml need
	@.venv/bin/promdrill matrix --fetch

.PHONY: matrix-cells
matrix-cells: environment ## Print the cells of matrix.toml for a GitHub Actions matrix
	@.venv/bin/promdrill matrix --format github

.PHONY: merge
merge: environment ## Merge the cells in reports/matrix into one summary; SUMMARY=
	@.venv/bin/promdrill merge "$(or $(REPORTS),reports/matrix)" $(if $(SUMMARY),--summary "$(SUMMARY)") $(if $(EXPECT),--expect "$(EXPECT)")

# The former name of merge.
.PHONY: stitch
stitch: merge

.PHONY: compare
compare: environment ## OLD=... NEW=...: what changed between two runs, or two sets
	@.venv/bin/promdrill compare "$(OLD)" "$(NEW)"

# No environment: the job that may write issues runs nothing but this. It needs gh, GH_TOKEN, GH_REPO and RUN_URL.
.PHONY: night-issue
night-issue: ## In CI: open an issue on a red night, or add to the open one
	@text=$$(mktemp); trap 'rm -f "$$text"' EXIT; \
	{ cat reports/matrix/summary.md 2>/dev/null || echo "The nightly run produced no report."; } >"$$text"; \
	printf '\nThe run: %s\n' "$$RUN_URL" >>"$$text"; \
	gh label create red-night --force --color B60205 --description "A cell of the nightly matrix is red"; \
	number=$$(gh issue list --label red-night --state open --limit 1 --json number --jq '.[].number'); \
	if [ -n "$$number" ]; then gh issue comment "$$number" --body-file "$$text"; \
	else gh issue create --title "Red night" --label red-night --body-file "$$text"; fi

.PHONY: release-dry
release-dry: environment ## Make a release in dist/ and check it, publish nothing; TAG=
	@$(find_uv); .venv/bin/python -m release.dry --uv "$$uv" --tag "$(TAG)"

# It asks OSV, the Go vulnerability database and the module proxy; what does not answer is unknown, and no failure.
.PHONY: audit
audit: environment ## List all parts: version, source, licence, checksum, flaws
	@$(find_uv); .venv/bin/python -m release.audit --uv "$$uv"

# No environment, as for night-issue: the job that may write releases runs nothing but this. It needs gh, GH_TOKEN and GH_REPO.
.PHONY: github-release
github-release: ## In CI: attach what release-dry made to the tag; TAG=v1.2.3
	@gh release create "$(TAG)" --verify-tag --title "$(TAG)" $(if $(findstring rc,$(TAG)),--prerelease) \
	    --notes-file dist/release/notes.md dist/publish/* dist/release/*.cdx.json dist/release/SHA256SUMS

##@ The house: change promdrill itself

.PHONY: check
check: environment ## After each edit: what the change touches, within a minute
	@echo "ruff, import-linter and mypy look at everything; unit tests: what differs from $(or $(BASE),main)"
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check --quiet
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/mypy
	@.venv/bin/python -m tools.affected --base "$(or $(BASE),main)"

.PHONY: test
test: lint ## Lint and unit tests: no cluster, no network, five minutes
	.venv/bin/pytest -q -n 2

# A change that no test notices shows a test that is missing. Its libraries are in no other target's environment.
.PHONY: mutants
mutants: environment ## N=150 changes to the code; do tests notice? SEED= ONLY=path
	@$(find_uv); "$$uv" sync --locked --inexact --quiet --group mutants --python "$$(command -v $(PYTHON))"
	@.venv/bin/python -m tools.mutants --number "$(or $(N),150)" --seed "$(or $(SEED),1)" --jobs "$(or $(JOBS),1)" \
		$(if $(ONLY),--only "$(ONLY)")

# Sphinx warns once, when it reads a page: after a failure every page is read again, so that it fails until it is fixed.
.PHONY: docs
docs: environment ## Build the site in build/docs; a dead link is an error
	@.venv/bin/sphinx-build --fail-on-warning --nitpicky --quiet --builder html --doctree-dir build/doctrees docs build/docs \
		|| { rm -rf build/doctrees; exit 1; }
	@echo "The site: build/docs/index.html"

.PHONY: lint
lint: docs ## Check style, types, layers, links, scenarios, workflows
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/promdrill check scenarios examples/github/drills examples/gitlab/drills
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/github/.github/workflows/*.yml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.gitlab-ci examples/gitlab/.gitlab-ci.yml examples/gitlab/runner.yml
	cd examples/gitlab && ../../.venv/bin/promdrill matrix --file matrix.toml --scenarios drills --supply registry --format gitlab \
		| ../../.venv/bin/check-jsonschema --quiet --builtin-schema vendor.gitlab-ci --default-filetype yaml -
	.venv/bin/zizmor --quiet --offline --pedantic --config .github/zizmor.yml .github action.yml examples

.PHONY: test-broken-chart
test-broken-chart: environment ## Prove that a remedy that no longer works is found
	@.venv/bin/python -m tests.charts.broken.prove

# As root, on a machine where nothing else uses the engine.
.PHONY: chaos-self
chaos-self: environment ## Strike N=9 runs at moments of SEED=1; nothing lies or stays
	@.venv/bin/python -m tests.chaos.prove $(if $(N),--n "$(N)") $(if $(SEED),--seed "$(SEED)") $(if $(STRIKES),--strikes "$(STRIKES)") $(if $(FROM),--from "$(FROM)")

.PHONY: soak
soak: environment ## The whole book N=5 times: verdicts, drift, what stays
	@.venv/bin/python -m tests.chaos.soak $(if $(N),--n "$(N)")

.PHONY: test-bystander
test-bystander: environment ## Another live cluster stays as it is, byte for byte
	@.venv/bin/python -m tests.chaos.bystander

.PHONY: test-adopt
test-adopt: environment ## An adopted cluster is as it was, drills and a kill later
	@.venv/bin/python -m tests.chaos.adopted

.PHONY: test-registry
test-registry: environment ## The registry supply against a real registry on loopback
	@.venv/bin/python -m tests.registry.drill

.PHONY: test-bundle
test-bundle: environment ## Prove that a bundle needs no network; as root; BUNDLE=file
	@.venv/bin/python -m tests.bundle.offline

.PHONY: test-wheel
test-wheel: environment ## Build the wheel, use it outside a checkout; DRILL=1
	.venv/bin/python -m tests.wheel.proof $(if $(DRILL),--drill)

.PHONY: fuzz
fuzz: environment ## EXAMPLES=200 generated inputs for each reader, in a table
	@nice .venv/bin/python -m tools.fuzz $(if $(EXAMPLES),--examples "$(EXAMPLES)") $(if $(SEED),--seed "$(SEED)")

.PHONY: bench
bench: environment ## In an hour: book, kept cluster, harness; RUNS=1 DOCS=1
	@.venv/bin/python -m bench --all $(if $(RUNS),--runs "$(RUNS)") $(if $(DOCS),--write-docs)

.PHONY: bench-quick
bench-quick: environment ## The harness without a cluster, seven minutes: build/bench
	@.venv/bin/python -m bench --quick

.PHONY: bench-bare
bench-bare: environment ## CLUSTER=...: disk-full, and the same as a script; RUNS=5
	@.venv/bin/python -m bench.bare --cluster "$(CLUSTER)" $(if $(RUNS),--pairs "$(RUNS)") $(if $(DOCS),--write-docs)

.PHONY: bench-docs
bench-docs: environment ## Put what bench-quick measured, or REPORTS show, into docs
	@.venv/bin/python -m bench $(if $(REPORTS),--drills "$(REPORTS)" $(if $(COMMIT),--commit "$(COMMIT)"),--write-docs)

.PHONY: bench-fleet
bench-fleet: environment ## Simulate 1,000 cells on many runners: docs/benchmarks
	@.venv/bin/python -m bench.fleet --write-docs

# The volume agent's tests make and mount volumes when run as root. What this host does not allow is skipped, and the skip says so.
.PHONY: test-agent
test-agent: export CGO_ENABLED := 0
test-agent: export GOFLAGS := -mod=readonly -buildvcs=false
test-agent: ## Go tests of promdrill's own programs; needs Go 1.26
	cd images/volume-agent && GOARCH=arm64 go vet ./...
	cd images/volume-agent && go test -v ./... | grep -vE '^=== |^ *--- PASS|^PASS'
	cd images/demo-app && go test ./...
	cd images/configmap-reload && go test ./...
	cd images/alert-receiver && go test ./...
	cd images/kube-webhook-certgen && go test ./...

# promtool is in the image of Prometheus that drills run; SUPPLY says where that comes from.
.PHONY: test-rules
test-rules: environment ## promtool: our alert rules, and their unit tests
	@.venv/bin/python -m tests.rules.prove

.PHONY: test-agent-vm
test-agent-vm: environment ## The volume agent's tests in a small machine, none skipped
	@.venv/bin/python -m tests.vm.agent

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@ / { printf "%s%s\n", group++ ? "\n" : "", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "%-18s %s\n", $$1, $$2 } /^##: / { print substr($$0, 5) }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "Variables of test-scenarios, controls, ablate and repairs:"
	@echo $(RUN_VARIABLES) | fold -s -w 76 | sed 's/^/  /'
	@echo "Example: make test-scenarios SCENARIO=disk-full KEEP=1"

# --- the environment ---------------------------------------------------------------------------------------------

.PHONY: environment
environment: .venv/.synced

.venv/.synced: pyproject.toml uv.lock
	@$(find_uv); "$$uv" sync --locked --quiet --python "$$(command -v $(PYTHON))"
	@touch $@

# A shell fragment that sets $uv, and makes .venv-uv when no uv on PATH is new enough.
define find_uv
uv=$$(command -v uv || true); \
if [ -n "$$uv" ] && [ "$$(printf '%s\n' $(UV_MINIMUM) "$$("$$uv" --version | cut -d' ' -f2)" | sort -V | head -n 1)" = $(UV_MINIMUM) ]; then :; \
elif [ -x .venv-uv/bin/uv ] && [ "$$(.venv-uv/bin/uv --version | cut -d' ' -f2)" = $(UV_VERSION) ]; then uv=.venv-uv/bin/uv; \
else \
    $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || { echo "promdrill: $(PYTHON) is older than 3.11. Hint: make PYTHON=python3.11" >&2; exit 1; }; \
    $(PYTHON) -c 'import ensurepip' 2>/dev/null \
        || { echo "promdrill: $(PYTHON) cannot make environments. Hint: apt-get install python3-venv" >&2; exit 1; }; \
    echo "promdrill: getting uv $(UV_VERSION)" >&2; \
    $(PYTHON) -m venv --clear .venv-uv; \
    .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/uv.txt; \
    uv=.venv-uv/bin/uv; \
fi
endef
