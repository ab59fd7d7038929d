# Every target says what it does: `make help`.
SHELL := /bin/bash
GO ?= go
TOOL := $(GO) tool -modfile=tools.mod
# A count, never a duration: at a deadline Go's fuzzer can report its own
# "context deadline exceeded" as a failure (go.dev/issue/75804, mended in 1.27).
FUZZTIME ?= 20000x

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## play a distributor's month with everything embedded
	$(GO) run ./cmd/demo

.PHONY: build
build: ## build the static binary bin/ml-connector
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/ml-connector ./cmd/ml-connector

.PHONY: kms
kms: ## build bin/ml-connector-kms, with the clients of AWS, Google and Vault, and test it
	$(GO) test -modfile=kms/go.mod -overlay=kms/overlay.json -run 'Keyset' ./cmd/ml-connector
	CGO_ENABLED=0 $(GO) build -modfile=kms/go.mod -overlay=kms/overlay.json -trimpath -ldflags '-s -w' -o bin/ml-connector-kms ./cmd/ml-connector

.PHONY: tools
tools: ## install what the tests need: redis-server
	@if command -v redis-server >/dev/null; then redis-server --version; \
	elif ! command -v apt-get >/dev/null; then echo "redis-server is not installed and there is no apt-get: install Redis 7 and run again" >&2; exit 1; \
	else sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo apt-get update -qq && $$sudo apt-get install -y -qq redis-server >/dev/null && redis-server --version; fi

.PHONY: test
test: tools ## vet, and all tests with the race detector
	$(GO) vet ./...
	$(GO) test -race -timeout 10m ./...

.PHONY: soak
soak: tools ## the long proofs, minutes to an hour; each prints its figures
	set -o pipefail; MLC_SOAK=1 $(GO) test -v -p 1 -timeout 120m -count=1 ./... 2>&1 | grep --line-buffered -E '^(ok|FAIL|panic|--- FAIL)|figure |_test.go:[0-9]+:'

.PHONY: canary
canary: tools ## the suites at debug level, requests panicking and timing out with their secrets in hand: none is seen anywhere; some ten minutes
	@mkdir -p bin; rm -f bin/canary.tsv; echo "the tests' own verdicts do not count here (bin/canary.log): the disturbance makes some of them late"
	@for p in ./api ./console ./service ./handlers; do MLC_CANARY_FIGURES=$(CURDIR)/bin/canary.tsv $(GO) test -v -count=1 -timeout 40m $$p; done >bin/canary.log 2>&1; \
	grep -h 'shows the' bin/canary.log; \
	if grep -hE 'build failed|test timed out|signal: ' bin/canary.log; then echo "a suite did not come to its end: not all was searched" >&2; exit 1; fi; \
	awk -F'\t' '$$3 > 0 {n++; b += $$3; s += $$4; h += $$5; t[$$1] = 1} END {printf "figure canaries over the suites: %d texts of %d tests searched for %d secrets, %.1f MB: %d hits\n", n, length(t), s, b / 1048576, h; exit h > 0 || length(t) < 200}' bin/canary.tsv

.PHONY: mutants
mutants: ## put faults into the source, one at a time: a named test must find each
	MLC_SOAK=1 $(GO) test -v -timeout 60m -count=1 -run 'Mutants$$' $$($(GO) list -f '{{if .TestGoFiles}}{{.ImportPath}}{{end}}' ./handlers/... ./cin7 ./netsuite) 2>&1 | grep -v '^=== '

.PHONY: topologies
topologies: tools ## the tests of keys, tenants and lanes, and the month, on a cluster of three masters and behind a sentinel; minutes
	for t in cluster sentinel; do REDIS_TOPOLOGY=$$t $(GO) test -count=1 -p 1 -timeout 20m ./queue ./state ./tenant && REDIS_TOPOLOGY=$$t $(GO) test -count=1 -timeout 20m -run 'TestMonth|TestPollerAlone|TestRestarts|TestMappingReleases|TestLimitAndOutage' ./service || exit 1; done

.PHONY: bench
bench: tools build bin/bench-peers ## measure speed and cost beside limits and peers; about ten minutes on a quiet machine
	$(GO) build -o bin/bench ./internal/bench
	bin/bench; rc=$$?; $(MAKE) bench-docs && exit $$rc

# With a module file of its own: none of the peers comes near the service.
.PHONY: bin/bench-peers
bin/bench-peers:
	$(GO) build -modfile=internal/bench/peers.mod -o $@ internal/bench/peers/main.go

.PHONY: bench-docs
bench-docs: ## write the tables and charts of docs/performance.md from docs/performance/results.json
	$(GO) run ./internal/bench render

.PHONY: lint
lint: ## golangci-lint, formatting, tidy module file
	@test -z "$$(gofmt -l .)" || { gofmt -l . ; echo "not formatted: make fmt" >&2; exit 1; }
	$(GO) mod tidy -diff
	$(TOOL) golangci-lint run ./...

.PHONY: fmt
fmt: ## format the code
	gofmt -w .

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME inputs (20000x)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$pkg; done; done

.PHONY: vuln
vuln: ## known vulnerabilities; says so when the database cannot be reached
	@$(TOOL) govulncheck ./... || { rc=$$?; if [ $$rc = 3 ]; then exit 3; fi; echo "govulncheck could not look (exit $$rc): its database cannot be reached from here"; }

.PHONY: check
check: test lint fuzz build ## everything that CI checks
	$(GO) run ./cmd/demo --json >/dev/null

.PHONY: tools-ops
tools-ops: ## install what ops-check needs: promtool
	@if ! command -v promtool >/dev/null; then \
	  command -v apt-get >/dev/null || { echo "promtool is not installed and there is no apt-get: install Prometheus and run again" >&2; exit 1; }; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends prometheus >/dev/null; fi; promtool --version 2>&1 | head -1

.PHONY: ops-check
ops-check: tools-ops ## alert rules with their tests, queries of the dashboards
	promtool check rules deploy/prometheus/rules.yaml
	promtool test rules deploy/prometheus/rules_test.yaml
	mkdir -p bin && $(GO) run ./deploy/grafana --queries >bin/queries.yaml && promtool check rules bin/queries.yaml
	MLC_OPS=1 $(GO) test -count=1 -timeout 20m -run 'TestMetrics$$' ./service

.PHONY: alerts-check
alerts-check: tools-ops ## fire every alert by its own fault of a running service; minutes
	MLC_OPS=1 $(GO) test -count=1 -timeout 20m -run 'TestAlertsFire$$' ./service

.PHONY: boards-pictures
boards-pictures: tools-ops ## draw the dashboards from a Prometheus that watches the demo, for docs/metrics.md; 4 minutes
	deploy/grafana/picture.sh

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)

.PHONY: release
release: ## static binaries for Linux and macOS, lists of modules, checksums, in dist; RELEASE_KEY=file signs
	$(GO) run ./deploy/release --version $(VERSION) --commit $(COMMIT) --out dist --twice $(if $(RELEASE_KEY),--key $(RELEASE_KEY))

.PHONY: release-check
release-check: ## two builds of the Linux binary from different places give the same bytes
	$(GO) run ./deploy/release --version check --commit check --out bin/release --only linux/amd64 --twice

.PHONY: image-check
image-check: ## build the Dockerfile with buildah and stand-ins, run the binary in an empty root; wants root
	@if ! command -v buildah >/dev/null || ! command -v busybox >/dev/null; then \
	  command -v apt-get >/dev/null || { echo "buildah and a static busybox are not installed and there is no apt-get" >&2; exit 1; }; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends buildah busybox-static >/dev/null; fi
	@if [ "$$(id -u)" = 0 ]; then deploy/image/check.sh; else sudo -E env "PATH=$$PATH" deploy/image/check.sh; fi

# Built once and kept; a minute or two each from cold.
bin/helm: deploy/helm/helm.mod
	$(GO) build -modfile=$< -o $@ helm.sh/helm/v3/cmd/helm
bin/kubectl-validate: deploy/helm/validate.mod
	$(GO) build -modfile=$< -o $@ sigs.k8s.io/kubectl-validate

.PHONY: chart-check
chart-check: bin/helm bin/kubectl-validate ## lint and render the Helm chart, hold every object against its schema
	deploy/helm/check.sh

.PHONY: chart-golden
chart-golden: bin/helm bin/kubectl-validate ## write what the chart renders to deploy/helm/testdata
	deploy/helm/check.sh --update

.PHONY: tools-console
tools-console: ## install what console-check needs: Chromium, Node, two packages of npm
	@command -v chromium >/dev/null && command -v npm >/dev/null || { \
	  command -v apt-get >/dev/null || { echo "chromium or npm is not installed and there is no apt-get: install them and run again" >&2; exit 1; }; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	  command -v npm >/dev/null || $$sudo apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null; }
	@cd console/browser && npm ci --no-audit --no-fund --silent

.PHONY: console-check
console-check: tools-console ## the console in a real browser: tasks with and without script, axe, keyboard
	$(GO) build -o bin/demo ./cmd/demo
	cd console/browser && node --test --test-concurrency=1

.PHONY: console-pictures
console-pictures: tools-console ## photograph every page of the console for docs/console.md
	$(GO) build -o bin/demo ./cmd/demo
	rm -rf docs/console && mkdir -p docs/console
	cd console/browser && SHOTS=../../docs/console node --test look.test.mjs

.PHONY: scripts-test
scripts-test: ## syntax and unit tests of the NetSuite scripts, with Node 20 or later
	@if ! command -v node >/dev/null; then \
	  command -v apt-get >/dev/null || { echo "node is not installed and there is no apt-get: install Node 20 and run again" >&2; exit 1; }; \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends nodejs >/dev/null; fi
	for f in deploy/netsuite/*.js deploy/netsuite/test/*.js; do node --check "$$f" || exit 1; done
	node --test deploy/netsuite/test/scripts.test.js

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist coverage.out
