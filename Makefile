# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every target installs what it needs, see tools/deps.sh. What is made lies in
# build/. A target that `make help` is to show has its text behind `##`.

# Another folder of Kamailio sources than that of the installed one.
KAMAILIO_SRC ?=
# Where `make install` puts the module and ims_release_top, below DESTDIR.
PREFIX ?= /usr
MODULES_DIR ?= $(PREFIX)/lib/$(MULTIARCH)/kamailio/modules
# Compilers and tests that run at once.
JOBS ?= $(shell nproc)
# How long each fuzz target runs: unless told, only 5 seconds in `make test`.
FUZZ_SECONDS ?= 60
# Cases of the end-to-end tests that run at once: they wait more than they work.
E2E_JOBS ?= $(shell expr 3 '*' $$(nproc))
# How often a case with real processes and real time is run again when it fails;
# the summary says how many were.
RERUNS ?= 2
# Its workers tell one another by the name localhost, which a bare root may lack.
RERUN = $(if $(shell getent hosts localhost),--reruns $(RERUNS) -rfER,-p no:rerunfailures)
# What `make test` runs.
SUITES ?= unit fuzz model tools e2e flows memcheck ims
# Further arguments for pytest: PYTEST_ARGS='-k early -x'.
PYTEST_ARGS ?=

# For sub-makes, unless the user has given a number.
PARALLEL = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

BUILD := $(CURDIR)/build
SRC := modules/ims_release
MODULE := $(BUILD)/ims_release.so
REPORT := $(BUILD)/report
MULTIARCH = $(shell dpkg-architecture -qDEB_HOST_MULTIARCH)
# Debian's own: a python3 that comes first in PATH lacks Debian's modules.
PYTHON := /usr/bin/python3

# What the tests are told about where things are.
export IMS_RELEASE_BUILD := $(BUILD)

.DEFAULT_GOAL := build
.PHONY: tree build
tree: deps-build
	@tools/kamailio-src.sh $(BUILD) "$(KAMAILIO_SRC)"
build: tree ## build the module: build/ims_release.so
	@flock $(BUILD)/.lock $(MAKE) $(PARALLEL) module

# What -Wall and -Wextra say of our own sources is an error. Not asked for:
#   unused-parameter       callbacks and script functions have the parameters
#                          that Kamailio calls them with
#   cast-function-type     the export table casts every script function
#   unknown-warning-option the next one is a name that clang does not know
#   old-style-declaration, sign-compare
#                          Kamailio's headers are full of them. As system
#                          headers they would be quiet, and with them every
#                          wrong argument of LM_ERR() and its like; `make lint`
#                          compares signs
WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wno-cast-function-type
MODULE_WARNINGS := $(WARNINGS) -Wno-unknown-warning-option \
	-Wno-old-style-declaration -Wno-sign-compare
KAMAILIO := $(BUILD)/kamailio
OBJECTS := $(BUILD)/module

# Kamailio's rules leave their objects beside the sources, so they are given
# links. A link that leads nowhere is a source that is gone.
.PHONY: module
module:
	@mkdir -p $(OBJECTS)
	@[ -z "$$(find -L $(OBJECTS) -type l)" ] || rm -f $(OBJECTS)/*
	@ln -sf $(CURDIR)/$(SRC)/{Makefile,*.[ch]} $(OBJECTS)/
	@DEFS="$(MODULE_WARNINGS) -Werror" \
		$(MAKE) -s -C $(OBJECTS) KAMAILIO_SRC=$(KAMAILIO)
	@cmp -s $(OBJECTS)/ims_release.so $(MODULE) || \
		install -m 644 $(OBJECTS)/ims_release.so $(MODULE)

.PHONY: install
install: build ## install it into Kamailio's module folder (DESTDIR, PREFIX)
	install -D -m 644 $(MODULE) $(DESTDIR)$(MODULES_DIR)/ims_release.so
	install -D -m 755 tools/ims_release_top $(DESTDIR)$(PREFIX)/bin/ims_release_top
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/ims_release/release_top \
		tools/release_top/*.py
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/kamailio/ims_release $(SRC)/sql/*

.PHONY: demo
demo: deps-demo build ## set a call up, release it, draw what went over the wire
	@tools/demo.sh

.PHONY: demo-ims
demo-ims: deps-demo build ## the same in an IMS core of Kamailio's own, with an HSS
	@tools/demo.sh demo_ims

# What of it: BENCH='--only call,memory', BENCH=--quick, BENCH=--write-docs
BENCH ?=

.PHONY: bench
bench: deps-demo deps-test build ## the benchmark, beside the peers
	@bench/run $(BENCH)

# Suites of tests. Each leaves $(REPORT)/NAME.xml, which `make test` sums up.

.PHONY: test
test: deps-demo deps-test deps-model build ## run every test, print the total
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-5} env -u MAKEFLAGS \
		tools/run_suites.py $(REPORT) $(SUITES)

CORE := $(patsubst $(SRC)/%.c,%.o,$(wildcard $(SRC)/core_*.c))
CORE_FLAGS := -std=gnu11 -g -MMD -MP -I$(SRC) -I$(KAMAILIO)/src
SANITIZE := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
# Helpers of a folder of tests: what is no program of its own.
helpers = $(patsubst tests/$1/%.c,$(BUILD)/$1/%.o,$(filter-out \
	tests/$1/$2_%.c,$(wildcard tests/$1/*.c)))
programs = $(patsubst tests/$1/%.c,$(BUILD)/$1/%,$(wildcard tests/$1/$2_*.c))

# The core as it is linked into a module that is not sanitized, to see what it
# refers to.
CORE_OBJECTS := $(addprefix $(BUILD)/core/,$(CORE))
$(BUILD)/core/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	@$(CC) $(CORE_FLAGS) -O2 $(WARNINGS) -Werror -fno-pic -c -o $@ $<

UNIT_TESTS := $(call programs,unit,test)
UNIT_OBJECTS := $(addprefix $(BUILD)/unit/,$(CORE)) $(call helpers,unit,test)
UNIT_CC = $(CC) $(CORE_FLAGS) $(WARNINGS) -Werror $(SANITIZE) -Itests/unit
$(BUILD)/unit/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	@$(UNIT_CC) -c -o $@ $<
$(BUILD)/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	@$(UNIT_CC) -c -o $@ $<
$(UNIT_TESTS): %: %.o $(UNIT_OBJECTS)
	@$(UNIT_CC) -o $@ $^ -lcmocka

.PHONY: unit unit-programs
unit-programs: $(UNIT_TESTS) $(CORE_OBJECTS)
	@:
unit: deps-test tree ## unit tests of the core, with sanitizers
	@$(MAKE) $(PARALLEL) unit-programs
	@tools/run_programs.py --report $(REPORT)/unit.xml --jobs $(JOBS) \
		$(UNIT_TESTS) "tools/check_core.sh $(KAMAILIO) $(CORE_OBJECTS)"

FUZZERS := $(call programs,fuzz,fuzz)
FUZZ_OBJECTS := $(addprefix $(BUILD)/fuzz/,$(CORE)) $(call helpers,fuzz,fuzz)
FUZZ_CC = clang $(CORE_FLAGS) $(SANITIZE) -fsanitize=fuzzer-no-link
$(BUILD)/fuzz/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) -c -o $@ $<
$(BUILD)/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) -c -o $@ $<
$(FUZZERS): %: %.o $(FUZZ_OBJECTS)
	@$(FUZZ_CC) -fsanitize=fuzzer -o $@ $^

# What a fuzzer finds new goes into the first corpus, in build/; the second,
# tests/fuzz/corpus/NAME, is where it begins.
fuzz_command = $1 -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
	-artifact_prefix=$1- $1.corpus $(wildcard tests/fuzz/corpus/$(notdir $1))
.PHONY: fuzz fuzzers
fuzzers: $(FUZZERS)
	@:
fuzz: deps-test tree ## fuzz what parses messages, FUZZ_SECONDS each
	@$(MAKE) $(PARALLEL) fuzzers
	@mkdir -p $(BUILD)/fuzz $(FUZZERS:=.corpus)
	@tools/run_programs.py --report $(REPORT)/fuzz.xml --jobs $(JOBS) \
		--timeout $$(($(FUZZ_SECONDS) + 60)) \
		$(foreach f,$(FUZZERS),"$(call fuzz_command,$f)")

.PHONY: model
model: deps-model ## check the model of the procedure, by spin
	@$(PYTHON) -B tools/check_model.py --build $(BUILD)/model \
		--report $(REPORT)/model.xml --jobs $(JOBS)

PYTEST = $(PYTHON) -B -m pytest -p no:cacheprovider -q --tb=short \
	$(PYTEST_ARGS) --junitxml=$(REPORT)/$@.xml

.PHONY: tools
tools: deps-demo deps-test deps-model build ## tests of the project's own tools
	@$(PYTEST) tests/tools

.PHONY: e2e
e2e: deps-demo deps-test build ## end-to-end tests: Kamailio and SIPp
	@$(PYTEST) -n $(E2E_JOBS) $(RERUN) tests/e2e

# A worker for each dialog module.
.PHONY: flows
flows: deps-demo deps-test build ## the call flows, each released at each point
	@$(PYTEST) -n 2 --dist loadgroup $(RERUN) tests/flows

.PHONY: ims test-ims
ims: deps-demo deps-test build
	@$(PYTEST) -n 4 $(RERUN) tests/ims
test-ims: ims ## tests in an IMS core: registration, servers, release

# Sessions of each run, kills of a server, and the seed that replays a run:
# make soak SEED=17
SESSIONS ?= 3000
KILLS ?= 500

.PHONY: soak
soak: deps-demo deps-test build ## thousands of random sessions, releases, losses, kills
	@IMS_RELEASE_SESSIONS=$(SESSIONS) IMS_RELEASE_KILLS=$(KILLS) $(if $(SEED),IMS_RELEASE_SEED=$(SEED)) \
		$(PYTEST) -n $(E2E_JOBS) tests/e2e/test_random.py \
		tests/e2e/test_database_kills.py

# The cases of memcheck.txt; under valgrind each takes its time.
MEMCHECK ?= $(shell sed '/^\#/d' tests/e2e/memcheck.txt)
.PHONY: memcheck
memcheck: deps-demo deps-test build ## end-to-end cases, Kamailio under valgrind
	@$(PYTEST) -n $(JOBS) $(RERUN) --valgrind \
		$(foreach case,$(MEMCHECK),'tests/e2e/$(case)')

# Debian's releases: on a machine of one, the others run in root folders, as
# tools/root.sh makes them, with a build folder each, build/RELEASE.

RELEASES := debian12 debian13
THIS_RELEASE = $(shell . /etc/os-release && echo $$ID$$VERSION_ID)
# What takes a root of each release, by files of tests/releases.
RELEASE_TESTS = $(PYTHON) -B -m pytest -p no:cacheprovider -q --tb=short \
	$(PYTEST_ARGS) --junitxml=$(REPORT)/$@.xml $(addprefix tests/releases/,$1)

.PHONY: test-debian12 test-debian13 $(RELEASES:%=root-%)
test-debian12: ## run every test on Debian 12
test-debian13: ## run every test on Debian 13
test-debian12 test-debian13: test-%:
	@if [ $* = $(THIS_RELEASE) ]; then $(MAKE) test; else \
		$(MAKE) root-$* && \
		tools/root.sh $* test make test $(MAKEOVERRIDES); fi
$(RELEASES:%=root-%): root-%:
	@tools/root.sh $* test tools/deps.sh build demo test

.PHONY: deb
deb: $(RELEASES:%=deb-%) ## packages for each release, in build/deb/
	@ls $(BUILD)/deb/*.deb
deb-%:
	@tools/root.sh $* test bash -ec \
		'tools/deps.sh build deb; make tree; tools/deb.sh'
	@install -D -m 644 -t $(BUILD)/deb $(BUILD)/$*/deb/*.deb

.PHONY: test-packages test-fresh
test-packages: deps-test deps-roots ## packages, builds within Kamailio, compilers: each release
	@$(call RELEASE_TESTS,test_package.py test_in_tree.py test_compilers.py)
test-fresh: deps-test deps-roots ## README's two commands in a bare root of each release
	@$(call RELEASE_TESTS,test_fresh.py)

.PHONY: releases
releases: ## all of that, and the table of docs/releases.md
	@$(MAKE) -k $(RELEASES:%=test-%) test-packages test-fresh; tools/releases.py

# Each check is a target of its own; all run, whichever fails.

C_FILES = $(shell find modules tests bench -name '*.[ch]' 2>/dev/null)
SHELL_SCRIPTS = $(shell grep -rlE --exclude-dir={.git,build} \
	'^\#!.*\b(ba)?sh$$' .)
PYTHON_SCRIPTS = $(shell grep -rlE --exclude-dir={.git,build} \
	'^\#!.*\bpython3$$' . | grep -v '\.py$$')
LINT := lint-format lint-tidy lint-cppcheck lint-analyzer lint-shell lint-python

.PHONY: lint $(LINT)
lint: deps-lint tree ## check format and style, look for errors
	@$(MAKE) -k $(PARALLEL) --output-sync=target $(LINT)

lint-format:
	@clang-format --dry-run --Werror $(C_FILES) || \
		{ echo 'make format gives them their format'; exit 1; }

# Flags for clang's tools, a line each. config.mak has the definitions quoted
# for the shell, as xargs reads them. Kamailio's headers are system headers
# here, so that our own code alone is judged.
$(BUILD)/compile_flags.txt: $(KAMAILIO)/src/config.mak Makefile
	@sed -n 's/^C_DEFS=//p' $< | xargs printf '%s\n' >$@
	@printf '%s\n' '-DMOD_NAME="ims_release"' -std=gnu11 $(WARNINGS) \
		-I$(CURDIR)/$(SRC) -I$(CURDIR)/tests/unit \
		-isystem $(KAMAILIO)/src >>$@

lint-tidy: $(BUILD)/compile_flags.txt
	@printf '%s\n' $(filter %.c,$(C_FILES)) | \
		xargs -P $(JOBS) -n 4 clang-tidy --quiet -p $(BUILD) 2>&1 | \
		{ grep -v '^[0-9]* warnings* generated' || true; }

# Suppressed: that it looks at no more than so many branches, which is no fault
# of the code.
lint-cppcheck:
	@cppcheck -q -j $(JOBS) --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		"-D$$(grep -om1 'VERSIONVAL=[0-9]*' $(KAMAILIO)/src/config.mak)" \
		--suppress=normalCheckLevelMaxBranches -I$(SRC) $(SRC)

lint-analyzer: $(CORE:%.o=analyze-%)
analyze-%: $(SRC)/%.c
	@$(CC) $(filter-out -M%,$(CORE_FLAGS)) -Werror -O2 -fanalyzer -c -o /dev/null $<

lint-shell:
	@shellcheck $(SHELL_SCRIPTS)

lint-python:
	@flake8 . $(PYTHON_SCRIPTS)

.PHONY: format
format: deps-lint ## give the C sources their format
	@clang-format -i $(C_FILES)

# What is generated of the documentation. What the pictures show is played.
.PHONY: docs
docs: deps-docs deps-demo build ## the module's README, tables and pictures of docs/
	@tools/module_readme.sh $(KAMAILIO) $(SRC)/README
	@tools/states.py
	@tools/house.py
	@tools/release_ladders.py
	@neato -n -Tsvg -o docs/ims-core.svg docs/ims-core.dot
	@tools/recipes.py

DEPS := deps-build deps-demo deps-test deps-model deps-lint deps-docs deps-roots
.PHONY: deps $(DEPS)
deps: $(DEPS) ## install all that any target needs
$(DEPS): deps-%:
	@tools/deps.sh $*

.PHONY: clean
clean: ## remove what was built, but not what was fetched: Kamailio, roots
	@[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -maxdepth 1 \
		! -name 'kamailio*' ! -name roots -exec rm -rf {} +

.PHONY: distclean
distclean: ## remove build/ altogether
	@rm -rf $(BUILD)

# Prerequisites beyond the sources, as the compiler found them.
-include $(wildcard $(BUILD)/core/*.d $(BUILD)/unit/*.d $(BUILD)/fuzz/*.d)
.SECONDARY:

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)
