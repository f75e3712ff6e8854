# Build, test and install tsoci. `make help` lists what there is.
#
# Every target sets up what it needs: apt packages (as root or with sudo) and npm packages. A stamp
# under build/stamps/ stands for each step whose result is not one file.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

PREFIX ?= /usr/local
DESTDIR ?=

stamps := build/stamps
# npm writes this file last, so it tells whether and for which lock file the packages are there.
node_modules := node_modules/.package-lock.json

# The compiler inside bun's platform package. node_modules/.bin/bun is a stub until bun's install
# script has run, and we run no script of any dependency.
bun := node_modules/@oven/bun-linux-$(if $(filter aarch64,$(shell uname -m)),aarch64,x64)/bin/bun

build_packages := cmake g++ make libseccomp-dev musl-tools protobuf-compiler
check_packages := clang-format
test_packages := busybox-static iproute2 runc uidmap
bench_packages := runc crun busybox-static containerd

sources_in = $(shell find $(1) -type f $(2) 2>/dev/null)
schemas := $(call sources_in,spec-schemas)
driver_sources := $(call sources_in,src,-name '*.ts' ! -name '*.test.ts')
native_sources := $(call sources_in,native)
asides := dist/lib/tsoci/help.js dist/lib/tsoci/debug.js dist/lib/tsoci/completion.js \
  dist/lib/tsoci/criu-rpc.js dist/lib/tsoci/shim.js dist/lib/tsoci/shim-thread.js
results := dist/bin/tsoci dist/bin/containerd-shim-tsoci-v2 dist/lib/tsoci/driver dist/lib/tsoci/tsoci.node $(asides) $(stamps)/man

.PHONY: all generate library man check format test test-unit test-native conformance test-shim prove test-vm \
  test-vm-quick test-vm-clients test-clients compatibility demo bench install uninstall clean help

all: $(results) ## Build dist/ (the default)

generate: $(stamps)/generated ## Write what is generated from spec-schemas/

library: $(stamps)/library ## Build build/js and the addon, for `import { Runtime } from "tsoci"`

man: $(stamps)/man ## Write manual pages and shell completions to dist/share

check: $(stamps)/generated ## Types, lint, formatting, length of files
	@.ci/apt-install.sh $(check_packages)
	@node .ci/check.mjs

format: $(node_modules) ## Let the formatters do what they can
	@.ci/apt-install.sh $(check_packages)
	npx --no-install biome check --write
	find native -name generated -prune -o \( -name '*.cc' -o -name '*.h' \) -print0 | xargs -0 clang-format -i

test: all $(stamps)/library ## All tests; those of containers need root and use sudo when there is one
	@.ci/apt-install.sh $(check_packages) $(test_packages)
	@node .ci/test.mjs check unit native fuzz sanitizers mutants conformance runtime-tools shim clients vm

prove: all $(stamps)/library ## Try to break it: faults, hostile input, fuzzing, load; rewrites docs/reliability.md; some 90 minutes
	@.ci/apt-install.sh $(check_packages) $(test_packages)
	@node .ci/prove.mjs

test-unit: $(stamps)/generated ## Unit tests of the TypeScript, without root
	@node .ci/test.mjs unit

test-native: $(stamps)/native ## Tests of the C++; those that mount need root
	@node .ci/test.mjs native

conformance: all $(stamps)/library ## Tests of real containers, as root
	@.ci/apt-install.sh $(test_packages)
	@node .ci/test.mjs conformance runtime-tools

test-shim: all $(stamps)/library ## 200 containers and 2,000 processes through the shim, and kill -9 of it, as root
	@.ci/apt-install.sh busybox-static
	@conformance-tests/shim/stress.mjs dist/bin/containerd-shim-tsoci-v2

test-vm: all $(stamps)/library ## Tests of real containers in machines with cgroup v2, as root; under 20 minutes
	@TSOCI_VM=full node .ci/test.mjs vm

test-vm-quick: all $(stamps)/library ## The same, but only what is about cgroups and processes
	@node .ci/test.mjs vm

test-vm-clients: all ## containerd, Podman and conmon in machines where systemd makes the cgroups, as root
	@conformance-tests/vm/clients.mjs

test-clients: all ## Drive dist/bin/tsoci by containerd, Podman, Docker and conmon, as root; some 15 minutes
	@conformance-tests/clients/compatibility.mjs --runtime tsoci=dist/bin/tsoci

compatibility: all ## The same with Debian's runc and crun beside it; rewrites docs/compatibility.md
	@.ci/apt-install.sh runc crun
	@conformance-tests/clients/compatibility.mjs --write --runtime tsoci=dist/bin/tsoci --runtime runc=runc \
	  --runtime crun=crun

demo: all ## Make a bundle, run it, show what it sees and what each step took
	@.ci/apt-install.sh busybox-static
	@examples/demo.sh dist/bin/tsoci

bench: all $(stamps)/library ## Compare with Debian's runc and crun, as root; rewrites docs/benchmarks.md
	@.ci/apt-install.sh $(bench_packages)
	@node bench/run.mjs --runtime tsoci=dist/bin/tsoci --runtime runc=runc --runtime crun=crun

# Nothing is built as root that a user has not built before: `make && sudo make install`.
install: all ## Install to $(DESTDIR)$(PREFIX): PREFIX=/usr/local DESTDIR=
	install -D -m 0755 dist/bin/tsoci "$(DESTDIR)$(PREFIX)/bin/tsoci"
	ln -sf tsoci "$(DESTDIR)$(PREFIX)/bin/containerd-shim-tsoci-v2"
	install -D -m 0755 dist/lib/tsoci/driver "$(DESTDIR)$(PREFIX)/lib/tsoci/driver"
	install -D -m 0644 -t "$(DESTDIR)$(PREFIX)/lib/tsoci" dist/lib/tsoci/tsoci.node $(asides) \
	  dist/lib/tsoci/shim.js.jsc dist/lib/tsoci/shim-thread.js.jsc
	find dist/share -type f -printf '%P\0' | \
	  xargs -0 -I {} install -D -m 0644 dist/share/{} "$(DESTDIR)$(PREFIX)/share/{}"

uninstall: ## Remove what install installed
	rm -f "$(DESTDIR)$(PREFIX)"/bin/{tsoci,containerd-shim-tsoci-v2}
	rm -rf "$(DESTDIR)$(PREFIX)/lib/tsoci"
	rm -f "$(DESTDIR)$(PREFIX)"/share/man/man8/tsoci{,-*}.8 \
	  "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/tsoci" \
	  "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_tsoci" \
	  "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/tsoci.fish"

clean: ## Remove build/ and dist/, but not node_modules/
	rm -rf build dist

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

$(stamps):
	@mkdir -p $@

# Asked each time, because a stamp does not know what apt has removed since. Takes milliseconds.
.PHONY: build-packages
build-packages:
	@.ci/apt-install.sh $(build_packages)

$(node_modules): package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
	@touch $@

$(stamps)/generated: $(schemas) $(node_modules) | $(stamps) build-packages
	npm run --silent generate
	@touch $@

# After the generated files, never beside them: CMake would read a half-written header.
$(stamps)/native: $(stamps)/generated $(native_sources) | build-packages
	npm run --silent build:native -- --CDTSOCI_WARNINGS_ARE_ERRORS=ON
	@touch $@

$(stamps)/javascript: $(stamps)/generated $(driver_sources) tsconfig.json
	npx --no-install tsc -p tsconfig.json
	@touch $@

$(stamps)/man: $(stamps)/javascript .ci/man-pages.mjs
	node .ci/man-pages.mjs dist/share
	@touch $@

$(stamps)/library: $(stamps)/native $(stamps)/javascript
	@touch $@

dist/bin/tsoci: $(stamps)/native
	install -D -m 0755 build/native/tsoci $@

# One program under two names: containerd looks for its shims by theirs.
dist/bin/containerd-shim-tsoci-v2: dist/bin/tsoci
	ln -sf tsoci $@

dist/lib/tsoci/tsoci.node: $(stamps)/native
	install -D -m 0644 build/native/tsoci.node $@

# Written only when it is another one, so that a new commit makes a new driver and a second `make` none.
$(stamps)/commit: FORCE | $(stamps)
	@commit=$$(git rev-parse HEAD 2>/dev/null || cat $@ 2>/dev/null || true); \
	  [[ -e $@ && $$commit == "$$(<$@)" ]] || echo "$$commit" > $@

# Compiled from the JavaScript that `tsc` writes, in which each file is a function that runs when it is
# first needed: made of src/ directly, all functions of the driver would come to life at each start.
# Without the two "autoload" flags the executable would read .env and bunfig.toml from its working
# directory, which for a runtime is the bundle.
# Its way into the page cache decides how fast it starts, so it leaves the cache in which it was
# written, and the launcher reads it in: docs/decisions/0007-the-driver-is-mapped-in-huge-pages.md.
dist/lib/tsoci/driver: $(stamps)/javascript $(stamps)/commit package.json .ci/align-segments.mjs | build-packages
	@mkdir -p $(@D)
	defines=(--define "TSOCI_LIBSECCOMP=\"$$(.ci/libseccomp-version.sh)\""); \
	  commit=$$(<$(stamps)/commit); \
	  [[ -z $$commit ]] || defines+=(--define "TSOCI_COMMIT=\"$$commit\""); \
	  $(bun) build --compile --bytecode --minify --format=cjs --no-compile-autoload-dotenv \
	    --no-compile-autoload-bunfig "$${defines[@]}" build/js/main.js --outfile build/driver
	@rm -f $@
	node .ci/align-segments.mjs build/driver $@
	@rm build/driver; sync $@; dd if=$@ iflag=nocache count=0 status=none

# What nearly no command needs is no part of the driver: an executable is read whole at every start, and
# yargs alone took 3 of 11 ms. src/host/aside.ts loads these.
dist/lib/tsoci/criu-rpc.js: aside := src/checkpoint/rpc.ts
dist/lib/tsoci/help.js: aside := src/cli/help.ts
dist/lib/tsoci/debug.js: aside := src/log/debug.ts
dist/lib/tsoci/completion.js: aside := src/cli/completion.ts
# Like the driver of modules that come to life one by one, and compiled, as containerd waits for the shim to
# begin; the engine finds NAME.js.jsc by its name.
dist/lib/tsoci/shim.js: aside := src/shim/main.ts
dist/lib/tsoci/shim-thread.js: aside := src/shim/operations/thread.ts
dist/lib/tsoci/shim.js dist/lib/tsoci/shim-thread.js: bytecode := --bytecode
dist/lib/tsoci/shim.js dist/lib/tsoci/shim-thread.js: $(stamps)/javascript
$(asides): $(stamps)/generated $(driver_sources) package.json
	@mkdir -p $(@D)
	$(bun) build --target=bun --format=cjs --minify $(bytecode) $(aside) --outdir $(@D) --entry-naming $(@F)

.PHONY: FORCE
FORCE:
