# make quick   what needs nothing but Go: no root, no engine, no other program
# make build   the tool, in bin/
# make demo    the main job on examples/postgres, on a real engine, with proof
# make test    everything: vet, linter, unit and scripts (race detector), end to end
# make bench   a table of ratios against docker compose and sops
# make lint    vet and golangci-lint, tidy modules, and whether macOS and Windows build
# make clean   remove what make made here; scripts/images remove takes the images

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X github.com/compose-secure/compose-secure/command.buildVersion=$(VERSION)

# Built from the module proxy, once per version.
GOLANGCI_VERSION = v2.15.0
GOLANGCI         = .cache/bin/golangci-lint-$(GOLANGCI_VERSION)

# What make quick leaves to make unit, since it needs an engine, root, a network namespace or a program beside those of
# every Linux. TestQuick holds the names to be those of tests and packages.
QUICK_WITHOUT = TestScript TestContainers TestImage TestInfo TestLocalRealEngine TestProbe TestRemoveProbes \
	TestRotateAndMigrateAtOnce TestInterruptedCommandsLeaveNothing TestReplaceKeepsOwner TestDecryptPGP TestOpens TestProgramsGetNoKey TestLoginOverPlainHTTP
QUICK_WITHOUT_PACKAGES = wrap

UNIT = $(shell $(GO) list ./... | grep -v -e /e2e -e /hostile)

.PHONY: build
build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/compose-secure .

.PHONY: demo
demo: build bin/sops bin/age-keygen
	scripts/demo

# SOPS as a command, from the module that the tool is built with: it encrypts
# the files of demo, tests and benchmarks.
bin/sops: go.mod
	CGO_ENABLED=0 $(GO) build -trimpath -o $@ github.com/getsops/sops/v3/cmd/sops

bin/age-keygen: go.mod
	CGO_ENABLED=0 $(GO) build -trimpath -o $@ filippo.io/age/cmd/age-keygen

.PHONY: test
test: engine lint unit e2e

# An engine, its images and the commands that tests use.
.PHONY: engine
engine:
	scripts/tools
	scripts/engine
	scripts/images

.PHONY: quick
quick:
	$(GO) test -skip '^($(shell echo $(QUICK_WITHOUT) | tr ' ' '|'))$$' $(filter-out $(addprefix %/,$(QUICK_WITHOUT_PACKAGES)),$(UNIT))

# Everything but e2e and hostile; the script tests of command are among these.
.PHONY: unit
unit: engine bin/sops bin/age-keygen
	$(GO) test -race $(UNIT)

.PHONY: e2e
e2e: build bin/sops bin/age-keygen engine
	$(GO) test -tags e2e -count=1 -timeout 30m ./e2e/... ./hostile

.PHONY: lint
lint: $(GOLANGCI)
	$(GO) mod tidy -diff
	$(GO) vet -tags e2e ./...
	GOOS=darwin $(GO) build ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) build ./...
	GOOS=windows $(GO) vet ./...
	$(GOLANGCI) run ./... ./testdata/images/probe

$(GOLANGCI):
	GOBIN=$(CURDIR)/.cache/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv .cache/bin/golangci-lint $@

.PHONY: bench
bench: build bin/sops engine
	scripts/bench

.PHONY: clean
clean:
	rm -rf bin .cache dist
