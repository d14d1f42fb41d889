# `make help` lists every target. The work is in hack/: a target only names it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# Go's usual place, for a shell whose PATH does not have it.
export PATH := $(PATH):/usr/local/go/bin

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS = -X main.version=$(VERSION)

##@ Build

.PHONY: setup
setup: ## Install what building and running needs (GROUPS="go node proto lint rust wasm browser")
	@hack/setup $(GROUPS)

.PHONY: build
build: setup ## Build bin/bedrock
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/bedrock ./cmd/bedrock

.PHONY: operator
operator: ## Build bin/bedrock-operator (no cgo)
	@hack/setup go
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/bedrock-operator ./cmd/bedrock-operator

.PHONY: plugin
plugin: ## Build bin/kubectl-bedrock, a plugin of kubectl (put bin/ on PATH)
	@hack/setup go
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/kubectl-bedrock ./cmd/kubectl-bedrock

.PHONY: clean
clean: ## Remove what was built here (caches of tools stay)
	rm -rf bin .cache wasm-core/target

##@ Run

.PHONY: devnet
devnet: build ## Start four validators on this machine (ARGS="--load 500 --duration 30s")
	bin/bedrock devnet $(ARGS)

##@ Kubernetes

.PHONY: cluster
cluster: ## A local Kubernetes: the one of KUBECONFIG, else kind's, else our own (NODES=4)
	@hack/cluster/make up

.PHONY: kubeconfig
kubeconfig: ## Print the path of that cluster's kubeconfig
	@hack/cluster/make kubeconfig

.PHONY: cluster-down
cluster-down: ## End the cluster that was made here
	@hack/cluster/make down

.PHONY: demo
demo: ## Four validators on it by one apply: images, operator, network, explorer
	@hack/demo

.PHONY: demo-down
demo-down: ## End the demo; the cluster stays
	@hack/demo down

.PHONY: undeploy
undeploy: ## Take operator and types out of the cluster; refuses while networks exist
	@hack/undeploy

.PHONY: image
image: ## Build the images of node and operator, with lists of their contents (ARGS=--check)
	@VERSION=$(VERSION) hack/image/build $(ARGS)

##@ Test

.PHONY: test
test: ## All checks and tests, with a summary; what CI runs
	@hack/test

.PHONY: e2e
e2e: ## Tests on a real cluster that they start themselves (ROW=0)
	@hack/e2e $(ROW)

.PHONY: sim
sim: build ## Whole nodes under faults in virtual time, by seed (SEEDS=200, NODES= and PROFILE= as bedrock sim)
	bin/bedrock sim --seeds $(or $(SEEDS),200) --nodes $(or $(NODES),0) --profile $(or $(PROFILE),swarm)

.PHONY: sim-long
sim-long: build ## The same for two hours (MINUTES=120)
	bin/bedrock sim --minutes $(or $(MINUTES),120) --nodes $(or $(NODES),0) --profile $(or $(PROFILE),swarm)

.PHONY: fuzz
fuzz: ## One fuzz target; without TARGET the list of them (TARGET=wire.FuzzDecodeBlock TIME=10m)
	@hack/setup go node
	@hack/fuzz $(TARGET) $(if $(TARGET),$(or $(TIME),60s))

.PHONY: test-long
test-long: ## Fuzzing, race detector, models, twins, the module rebuilt, nodes killed and damaged, each rule off in turn (PARTS="fuzz race model twins module engines chaos storm simulation liveness governance faults mutants symbols scale cluster", FUZZTIME=60s, KILLS=20, HEALS=10, STORM=30)
	@hack/test-long $(PARTS)

.PHONY: mutation-score
mutation-score: ## Each rule of the protocol off in turn, hunted by seed: makes docs/mutation-score.md
	cd hack/tools && go run ./mutants -C "$(CURDIR)" -only protocol.txt,disks.txt -table "$(CURDIR)/docs/mutation-score.md"

##@ Measure

.PHONY: bench
bench: ## Execution against native code, every part, where the time goes, four nodes under load (PARTS="execution parts time node")
	@hack/bench $(PARTS)

.PHONY: gas
gas: ## What each kind of transaction takes, and the prices that follow
	@hack/setup rust
	@CARGO_TARGET_DIR="$${CARGO_TARGET_DIR:-$$(. hack/env.sh && echo "$$BEDROCK_CACHE/cargo-target")}" \
	  hack/cargo run --quiet --release --locked --manifest-path wasm-core/Cargo.toml -p bedrock-ledger --example gas

##@ Code

.PHONY: lint
lint: ## Format, import walls, vet, staticcheck, clippy
	@hack/lint

.PHONY: fmt
fmt: ## Format Go and Rust
	@hack/lint --fix

.PHONY: proto
proto: ## Lint proto/ and generate Go and Rust from it
	@hack/proto/generate

.PHONY: proto-check
proto-check: ## The committed generated code is current
	@hack/proto/generate --check

.PHONY: manifests
manifests: ## Generate deep copies, apply configurations and CRDs from api/
	@hack/manifests

.PHONY: metrics-page
metrics-page: ## Write docs/metrics.md from what a node exports
	@hack/setup go node
	@page=$$(mktemp) && go run ./node/metrics/pagegen > "$$page" && cp "$$page" docs/metrics.md && rm -f "$$page"

##@ Executor module

.PHONY: module
module: ## Build the canonical module to executor/module/ (commit it with the change)
	@hack/setup wasm
	@hack/wasm/module

.PHONY: module-check
module-check: ## The committed module is what two builds in two folders give, byte for byte
	@hack/setup wasm
	@hack/wasm/check

.PHONY: module-plain
module-plain: ## Build the module without wide arithmetic and SIMD, for other runtimes in tests
	@hack/setup rust
	@hack/wasm/module --plain

.PHONY: example
example: ## Build the example state machine to bin/counter.wasm
	@hack/setup wasm
	@mkdir -p bin
	@cp "$$(hack/wasm/modules counter | cut -d' ' -f2)" bin/counter.wasm
	@sha256sum bin/counter.wasm

##@ Help

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## "; print "usage: make TARGET" } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
