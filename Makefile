# make        build the proxy (installs missing Debian packages); if the template of its configuration
#             has changed, as after `git pull`, shows what would change there, and asks
# make run    build and start it, with a fresh configuration if there is none
# make init-config  write a configuration; shows how an existing one differs, and asks
#             All three take ROLE=both (default), front or back, and CONFIG=FILE: doc/config.md, "Nodes"
# make test   what tests it; at most half an hour on two cores (CI runs it, after `make check`)
# make test-all  that, and what takes longer: every suite under ThreadSanitizer, split mode under the
#             sanitizers, slow and dead networks, crowds, beside the release before this one; two hours
# make demo   the main job offline: a back and two fronts, against a stand-in for Telegram
# make check  format, layers, clang-tidy on what changed, shellcheck
# make config-docs  writes the tables of doc/config.md and the comments of the templates, from the option table
# make bench  speed beside a hand-written floor, and of split mode, about 15 minutes (doc/performance.md);
#             BENCH="--only 'dd echo' --against OTHER_BUILD" and the like choose what is measured
# make bench-micro  speed of the codecs, and of the check for replays
# make instructions         instructions per operation beside the recorded ones, by callgrind
# make instructions-record  records them anew

CONFIG ?= config/prod.toml
# Of the node: both, front or back. Not said: both where a configuration is written, else as it says.
ROLE ?=
# Seconds that each fuzz target runs in `make test`.
FUZZ_SECONDS ?= 10
# How many compilers run at once: as many as there is memory for.
JOBS ?= $(shell scripts/jobs.sh)
BENCH ?=

.PHONY: all run config init-config demo test test-all check config-docs bench bench-micro instructions \
  instructions-record clean

all:
	scripts/packages.sh build
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target mtproto-proxy
	@scripts/init_config.sh --tell "$(ROLE)" "$(CONFIG)"

init-config:
	@scripts/init_config.sh "$(or $(ROLE),both)" "$(CONFIG)"

# Before a build of some minutes: there may be nothing to run.
config:
	@scripts/init_config.sh --need "$(ROLE)" "$(CONFIG)"

run: config all
	exec build/release/app/mtproto-proxy -c "$(CONFIG)"

demo: all
	cmake --build --preset release -j $(JOBS) --target fake-telegram
	scripts/demo.sh

# test_preset PRESET,TESTS,TARGETS: builds TARGETS of PRESET, and runs what the test preset TESTS says.
define test_preset
	cmake --preset $(1)
	cmake --build --preset $(1) -j $(JOBS) --target $(3)
	ctest --preset $(2)
endef

# What tests skipped for want of something on this machine is said at the end.
test test-all: export MTP_SKIPPED = $(CURDIR)/build/skipped
test:
	scripts/packages.sh test
	@mkdir -p build && rm -f build/skipped
	$(call test_preset,release,release,all)
	$(call test_preset,asan,asan,all)
	cmake --preset fuzz -DMTP_FUZZ_SECONDS=$(FUZZ_SECONDS)
	cmake --build --preset fuzz -j $(JOBS)
	ctest --preset fuzz -j $(JOBS)
	@[ ! -s build/skipped ] || { echo "Skipped, as this machine lacks something:"; sort -u build/skipped; }

test-all:
	scripts/packages.sh test
	JOBS="$(JOBS)" scripts/old_release.sh
	$(MAKE) test
	$(call test_preset,release,release-long,all long_tests)
	$(call test_preset,asan,asan-long,all long_tests)
	$(call test_preset,tsan,tsan,all long_tests)
	@[ ! -s build/skipped ] || { echo "Skipped, as this machine lacks something:"; sort -u build/skipped; }

check:
	scripts/packages.sh check
	scripts/check.sh

# After a change of config/options_*.cpp.
config-docs:
	scripts/packages.sh build
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target config_docs
	build/release/config/config_docs .

bench: all
	cmake --build --preset release -j $(JOBS) --target bench
	build/release/bench/bench $(BENCH)

bench-micro: all
	cmake --build --preset release -j $(JOBS) --target codecs_bench
	build/release/bench/codecs_bench

instructions:
	scripts/packages.sh test
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target instructions
	build/release/bench/instructions $(if $(RECORD),--record)

instructions-record:
	$(MAKE) instructions RECORD=1

clean:
	rm -rf build
