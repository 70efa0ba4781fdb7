# What make does here, go does too: `make run` is `go run ./embedded`, and
# `make test` is `go test ./...`. Neither needs a C compiler. `make help` lists
# the targets.

GO ?= go

# In CI, or with RACE=1, tests run under the race detector (it needs cgo and a C
# compiler); in CI, or with FUZZ=1, each fuzz target runs for FUZZTIME too: a
# number of executions, some seconds' worth, and fewer in CI. With a duration Go 1.26 now and then
# reports its own end as a failure (golang.org/issue/75804).
ifeq ($(CI),true)
RACE ?= 1
FUZZ ?= 1
endif
FUZZTIME ?= $(if $(filter true,$(CI)),5000x,20000x)
TESTFLAGS ?=
# In CI make check has vetted all before. To build the tests takes 138 s without that, in place of
# 217: one run each, on two cores.
VETFLAGS := $(if $(filter true,$(CI)),-vet=off)

# The race detector watches all code but SQLite, which was turned from C into Go: the tests of
# embedded/replay take 33 s of processor time in place of 42. Nothing else may be left out: what a
# package makes of generic code of the standard library can be the copy that all others use, and then
# races are seen where none are.
RACEFLAGS := -race -gcflags=modernc.org/sqlite/lib=-race=false

# Linters are pinned here and run from source. They are no dependencies of the
# modules: see docs/decisions/0006-linters.md.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ERRCHECK := github.com/kisielk/errcheck@v1.30.0

# The systems and processors that make targets builds and vets for. In CI it takes
# package mesh and what is below it, without the tests of mesh/transact: those need
# SQLite, whose C was turned into so much Go that each system would take as long again.
TARGETS := linux/arm windows/amd64 darwin/arm64
ifeq ($(CI),true)
TARGET_PACKAGES = $(shell $(GO) list ./mesh/... | grep -v /transact$$)
else
TARGET_PACKAGES = ./...
endif
# What does not run is compiled the quick way.
TARGET_FLAGS := -gcflags='all=-N -l'

# The packages whose tests start no server: they also run under GOARCH=386, where int
# has 32 bits, on machines that can.
PURE := ./mesh/cause ./mesh/config ./mesh/graph $(addprefix ./mesh/internal/,changes clock delivery document gate handling handout memory meter queue recorder registry rules sealed steps topology undo wire)

# Vulnerabilities that are known, and what gosec finds. Both need the network once; what they cannot reach is skipped by name.
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOSEC := github.com/securego/gosec/v2/cmd/gosec@v2.30.0

# The names of the tests that attack a node, its peers, its disks, its tap or a service: those that
# docs/security.md names, and all that are called so.
ATTACKS = ^Test.*(Attack|Rogue|Hostile|Flood|CanNot|NeedsACredential|OneDoorOnly|NoWayOut|TakesNothingFromAnother)|^($(shell grep -oE 'Test[A-Z][A-Za-z]*' docs/security.md | sort -u | paste -sd'|' -))$$

PROGRAMS := ./embedded ./cmd/meshctl ./services/hunt/huntd ./services/clue/clued ./services/score/scored
KEYS := $(foreach node,hunt-1 clue-1 score-1,configs/keys/$(node).nk configs/keys/$(node).tap)

.PHONY: help run test race security check format vet lint vulnerabilities tidy rules targets fuzz fuzz-long mad crash hub rollout scale bench bench-quick bench-compare bench-test story soak live screenshots size why keys build daemons clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the three nodes in one process; ARGS='-teams 20' passes flags
	@test -e bin/embedded || echo 'building; the first build takes some two minutes and 0.8 GB of disk'
	@$(GO) build -o bin/embedded ./embedded && exec bin/embedded $(ARGS)

test: ## run all tests; in CI with the race detector, the short fuzz and bench's tests
	$(GO) test $(if $(RACE),$(RACEFLAGS)) $(VETFLAGS) $(TESTFLAGS) ./...
	@$(MAKE) --no-print-directory live
	$(if $(FUZZ),@$(MAKE) --no-print-directory bench-test fuzz)

race: ## run all tests with the race detector
	$(GO) test $(RACEFLAGS) $(TESTFLAGS) ./...

security: ## run the tests that attack, a part of test, and name each
	@said="$$($(GO) test -count=1 -v -run '$(ATTACKS)' ./... 2>&1)" || { printf '%s\n' "$$said" >&2; exit 1; }; printf '%s\n' "$$said" | grep '^--- '

check: format vet lint vulnerabilities tidy rules $(if $(CI),targets) ## format, vet, linters, known vulnerabilities, tidy modules, architecture and docs; in CI targets too

format: ## fail if gofmt would change a file
	@files="$$(gofmt -l .)" && if [ -n "$$files" ]; then printf 'gofmt -w is needed for:\n%s\n' "$$files" >&2; exit 1; fi

vet: ## go vet, in all modules
	$(GO) vet ./...
	cd bench && $(GO) vet ./...
	cd browser && $(GO) vet ./...

lint: ## staticcheck and errcheck, in all modules
	$(GO) run $(STATICCHECK) ./...
	cd bench && $(GO) run $(STATICCHECK) ./...
	cd browser && $(GO) run $(STATICCHECK) ./...
	$(GO) run $(ERRCHECK) -ignoretests -exclude .errcheck-exclude ./...
	cd bench && $(GO) run $(ERRCHECK) -ignoretests -exclude ../.errcheck-exclude ./...

vulnerabilities: ## govulncheck, in both modules, and gosec
	@for module in . bench; do \
		said="$$(cd $$module && $(GO) run $(GOVULNCHECK) ./... 2>&1)" && continue; \
		case "$$said" in *"fetching vulnerabilities"*|*"no such host"*|*"i/o timeout"*) echo "govulncheck of $$module: skipped, its data cannot be reached";; \
		*) printf '%s\n' "$$said" >&2; exit 1;; esac; \
	done
	@said="$$($(GO) run $(GOSEC) -quiet -severity high -confidence high ./mesh/... ./services/... ./cmd/... ./embedded/... 2>&1)" || \
		case "$$said" in *"no such host"*|*"i/o timeout"*) echo "gosec: skipped, it cannot be reached";; \
		*) printf '%s\n' "$$said" >&2; exit 1;; esac

tidy: ## fail if go mod tidy would change a module
	$(GO) mod tidy -diff
	cd bench && $(GO) mod tidy -diff
	cd browser && $(GO) mod tidy -diff

rules: ## who imports what, sizes, doc comments, links in the documentation
	$(GO) test -count=1 -skip '^TestFirst' .

targets: export CGO_ENABLED = 0
targets: ## build and vet for 32 bits, Windows and macOS, in CI only mesh; run the tests of pure packages in 32 bits
	@for target in $(TARGETS); do \
		echo "build and vet for $$target"; \
		export GOOS=$${target%/*} GOARCH=$${target#*/}; \
		$(GO) build $(TARGET_FLAGS) $(filter ./...,$(TARGET_PACKAGES)) ./mesh/... && $(GO) vet $(TARGET_FLAGS) $(TARGET_PACKAGES) || exit 1; \
	done
	@export GOOS=linux GOARCH=386; case "$$($(GO) test -count=1 -run '^$$' ./mesh/internal/sealed 2>&1)" in \
	*'exec format error'*) echo "this machine does not run programs for linux/386: no tests" ;; \
	*) set -x; $(GO) test $(TESTFLAGS) $(PURE) ;; \
	esac

# The targets are read out of the files: go test -list would link the tests of all packages first.
# Two run at a time: to link one uses one processor, and of 150 s in a row only 44 were fuzzing.
fuzz: ## run each fuzz target for FUZZTIME: 20000x, or 30s
	@targets="$$(grep -roE '^func Fuzz[A-Za-z0-9]+' --include='*_test.go' mesh services cmd embedded | sed -E 's|^(.*)/[^/]*:func |./\1 |' | sort)"; \
	[ -n "$$targets" ] || { echo 'there are no fuzz targets'; exit 1; }; \
	printf '%s\n' "$$targets" | xargs -P 2 -L 1 sh -c 'said="$$($(GO) test $(VETFLAGS) -run "^$$" -fuzz "^$$2\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1000x "$$1" 2>&1)"; \
		status=$$?; printf "fuzz %s %s\n%s\n" "$$1" "$$2" "$$said"; exit $$status' fuzz

fuzz-long: ## the same with 500,000 executions of each, for an hour or so
	@$(MAKE) --no-print-directory fuzz FUZZTIME=500000x

mad: ## attack a node as a mad peer would and measure what that costs it, for some minutes; on Linux
	MESH_TEST_MAD=1 $(GO) test ./mesh -run '^TestAttackByAMad' -count=1 -timeout=20m -v

crash: ## kill daemons, let them hang, break links, for minutes; ARGS='-long': 200 kills and 200 faults of links; '-seed 7' repeats a run
	$(GO) test ./embedded -run '^TestNothingIsLost' -count=1 -timeout=60m -v -args -middle $(ARGS)

hub: ## a replay of five minutes through three stock nats-servers, one of which is killed each minute; ARGS='-seed 7' repeats a run
	$(GO) test ./embedded -run '^(TestHubServersAreKilled|TestANodeComesToAHubThatRuns)$$' -count=1 -timeout=20m -v -args -middle $(ARGS)

rollout: ## a replay of five minutes while nodes change keys, come, go, get bad files and are killed; ARGS='-seed 7' repeats a run
	$(GO) test ./embedded -run '^TestRollout$$' -count=1 -timeout=20m -v -args -middle $(ARGS)

live: ## try the console and the hunt's pages in a real Chromium, which must be installed; a part of test
	cd browser && $(GO) test -count=1 $(VETFLAGS) -timeout=10m ./...

screenshots: ## write the pictures of docs/console.md
	@mkdir -p docs/images
	cd browser && $(GO) test -count=1 -timeout=10m ./... -args -screenshots $(CURDIR)/docs/images

why: ## three daemons, one of which fails for one team: find out why from a line of the log, as docs/why.md shows
	$(GO) test ./embedded -run '^TestWhy$$' -count=1 -timeout=5m -v

bench: ## compare with raw NATS, JetStream, watermill and a Go channel, and write bin/bench.json; ARGS='-pairs 9' passes flags
	@mkdir -p bin
	cd bench && $(GO) run . -write ../bin/bench.json $(ARGS)

bench-quick: ## the same with fewer events, in 60 s
	@$(MAKE) --no-print-directory bench ARGS='-events 20000 -pairs 9 -within 50s $(ARGS)'

story: ## a central bus and leafmesh at rising rates, for half an hour or more; writes bin/story.json and bin/story.svg; ARGS='-short' takes 30 s
	@mkdir -p bin
	cd bench && $(GO) run ./story -json ../bin/story.json -picture ../bin/story.svg $(ARGS)

soak: ## three services under load for 10 minutes: what they take stays flat, and all is accounted for
	cd bench && $(GO) run ./story -soak 10m $(ARGS)

scale: ## measure meshes of 10 to 200 nodes, with direct links and at hubs: docs/scale.md; ARGS='-nodes 100 -peers 99' passes flags
	cd bench && $(GO) run ./scale $(ARGS)

bench-compare: ## measure this tree and an older commit in turn; ARGS='-base v0.1.0' names it
	cd bench && $(GO) run ./compare $(ARGS)

# What is only measured needs no race detector, under which it takes twice as long.
bench-test: ## every comparison once, with few events; watermill's universal suite, in CI also with the race detector
	cd bench && $(GO) test $(VETFLAGS) ./...
	$(if $(RACE),cd bench && $(GO) test $(RACEFLAGS) $(VETFLAGS) ./adapter)

size: build ## count the code that is made anew for each type of value that events have
	@$(GO) tool nm -size bin/embedded | awk '$$3 ~ /^[Tt]$$/ && $$4 ~ /^(type:\.eq\.)?leafmesh\/mesh[^ ]*\[/ { bytes += $$2; functions++ } \
		END { printf "%d bytes, %d functions\n", bytes, functions }'

keys: $(KEYS) ## make the keys, and passwords of taps, of the three daemons that are not there yet

configs/keys/%.nk:
	@mkdir -p -m 700 configs/keys
	$(GO) run ./cmd/meshctl key $@

configs/keys/%.tap:
	@mkdir -p -m 700 configs/keys
	$(GO) run ./cmd/meshctl password $@

build: ## build the programs into bin/
	$(GO) build -o bin/ $(PROGRAMS)

daemons: build keys ## run the three daemons as separate processes, until Ctrl-C
	@bin/huntd & hunt=$$!; bin/clued & clue=$$!; bin/scored & score=$$!; \
	trap 'kill $$hunt $$clue $$score 2>/dev/null' INT TERM; \
	wait $$hunt; wait $$clue; wait $$score; wait

clean: ## remove what build and bench leave; keys and data stay
	rm -rf bin
	find . \( -name '*.prof' -o -name '*.test' \) -type f -exec rm -f {} +
