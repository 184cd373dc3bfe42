# The developer's commands, thin: what happens is in CMake, scripts/ and tests/.
# Everything is built under build/; `make` alone lists the commands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
CTEST_FLAGS ?=
BENCH_FLAGS ?=
RELEASE := build/release
PROFILE := build/profile
ASAN := build/asan
FUZZ := build/fuzz
FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 7200
PROGRAMS := queue-proxy activator sluice sd-standin kpa-vectors
CONFIGURE := cmake -G Ninja -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 \
	-DCMAKE_CXX_COMPILER_LAUNCHER=ccache
CTEST := ctest --output-on-failure --no-tests=error --no-label-summary $(CTEST_FLAGS)

# Paths relative to the checkout, so that a fresh clone finds what another one compiled. And a build
# in a container finds it, which has no language of its own: ccache asks for the language too.
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1
export LANG ?= C.UTF-8
export ASAN_OPTIONS ?= detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1

.PHONY: help build test test-cluster demo bench profile asan fuzz lint format tidy cppcheck soak sbom reproducible clean packages-build \
	packages-test packages-cluster packages-demo packages-bench packages-tidy writable configure release

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

build: packages-build configure ## install what the build needs, build the programs in build/release/
	@ninja -C $(RELEASE) -j $(JOBS) $(PROGRAMS)
	@ls -l $(addprefix $(RELEASE)/,$(PROGRAMS))

test: packages-test release ## build, then run the whole default test suite
	@$(CTEST) --test-dir $(RELEASE)

demo: packages-demo release ## build, serve manifests/demo.yaml from zero, run the load test
	@scripts/demo

bench: packages-bench release ## every claim next to its peers and its limit (bench/README.md)
	@bench/run --json build/bench.json $(BENCH_FLAGS)

profile: packages-bench packages-test writable ## make the compiler's profile anew (bench/README.md; commit it)
	@$(CONFIGURE) -S . -B $(PROFILE) -DCMAKE_BUILD_TYPE=Release -DSLUICE_PROFILE=make >$(PROFILE)/configure.log \
		|| { cat $(PROFILE)/configure.log; exit 1; }
	@ninja -C $(PROFILE) -j $(JOBS) queue-proxy activator bench-load bench-backend bench-tls-load
	@bench/profile --build $(PROFILE)

asan: packages-test writable ## the test suite under AddressSanitizer and UBSan
	@$(CONFIGURE) -S . -B $(ASAN) -DCMAKE_BUILD_TYPE=Debug -DSLUICE_SANITIZE=ON >$(ASAN)/configure.log \
		|| { cat $(ASAN)/configure.log; exit 1; }
	@ninja -C $(ASAN) -j $(JOBS)
	@$(CTEST) --test-dir $(ASAN) --label-exclude 'lint|browser|bench_smoke'

test-cluster: packages-cluster release ## the tests on a real Kubernetes node with Knative (tests/cluster/README.md)
	@tests/cluster/run

fuzz: packages-test writable ## fuzz every parser, FUZZ_SECONDS (600) each
	@$(CONFIGURE) -S . -B $(FUZZ) -DCMAKE_BUILD_TYPE=Release -DSLUICE_FUZZ=ON >$(FUZZ)/configure.log \
		|| { cat $(FUZZ)/configure.log; exit 1; }
	@ninja -C $(FUZZ) -j $(JOBS)
	@tests/fuzz/run $(FUZZ) $(FUZZ_SECONDS) $(FUZZ_TARGETS)

lint: packages-test ## format, layering, forms, scripts, links (no build)
	@tests/lint/run

format: packages-test ## rewrite the sources as .clang-format says
	@tests/lint/format --fix

tidy: packages-tidy packages-build release ## clang-tidy over all sources (slow)
	@git ls-files '*.cpp' ':!tests/fuzz' | xargs -P $(JOBS) -n 1 clang-tidy-19 -p $(RELEASE) --quiet
	@# How the fuzz targets are compiled only their own build says: after make fuzz.
	@[[ ! -f $(FUZZ)/compile_commands.json ]] \
		|| git ls-files 'tests/fuzz/*.cpp' | xargs -P $(JOBS) -n 1 clang-tidy-19 -p $(FUZZ) --quiet

cppcheck: packages-tidy ## cppcheck over the programs' sources (15 s, no build)
	@cppcheck --quiet --enable=warning,performance,portability --std=c++20 --language=c++ -I . -D SLUICE_VERSION='""' \
		--error-exitcode=1 --suppressions-list=tests/lint/cppcheck-suppressions \
		common proxy autoscaler activator sluice

soak: packages-test release ## two hours of mixed load with faults; SOAK_SECONDS (7200), SOAK_COMPRESSION (100)
	@SOAK_SECONDS=$(SOAK_SECONDS) python3 tests/integration/activator/run.py $(RELEASE)/activator $(RELEASE)/queue-proxy soak_test

sbom: release ## the Debian packages whose code is in the programs, as CycloneDX JSON
	@scripts/sbom $(RELEASE)

reproducible: packages-build configure ## build again, in another folder and without a cache; compare the programs (slow)
	@ninja -C $(RELEASE) -j $(JOBS) queue-proxy activator sluice
	@JOBS=$(JOBS) tests/hardening/reproducible $(RELEASE)

clean: writable ## remove build/
	@rm -rf build

configure: writable
	@$(CONFIGURE) -S . -B $(RELEASE) -DCMAKE_BUILD_TYPE=Release >$(RELEASE)/configure.log \
		|| { cat $(RELEASE)/configure.log; exit 1; }

release: configure
	@ninja -C $(RELEASE) -j $(JOBS)

packages-build packages-test packages-cluster packages-demo packages-bench packages-tidy: packages-%:
	@scripts/install-packages $*

# Whoever built with sudo before owns build/ now.
writable:
	@mkdir -p $(RELEASE) $(PROFILE) $(ASAN) $(FUZZ) 2>/dev/null || true
	@for folder in build $(RELEASE) $(PROFILE) $(ASAN) $(FUZZ) $(wildcard $(RELEASE)/CMakeCache.txt $(ASAN)/CMakeCache.txt); do \
		[[ -w $$folder ]] || { echo "make: $$folder is not yours to write (owner:" \
			"$$(stat -c %U $$folder 2>/dev/null || echo none)): use the same user as before," \
			"or remove build/ with: sudo rm -rf build" >&2; exit 1; }; \
	done
