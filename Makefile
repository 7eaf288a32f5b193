# cinch - see README.md. GNU make.
#
#   make              build all programs               make demo         see it work (root)
#   make check        all tests (engines: as root)     make integration  only those with engines
#   make unit         only those without root
#   make check-san    unit tests under sanitizers      make check-nocall the same without openat2
#   make deps         install what is missing          make lint         silent when all is well
#   make bench        what a start costs (root)        make coverage     lines run by the unit tests
#   make fuzz         FUZZ_SECONDS=60 for each target  make clean        remove build*
#   make install      DESTDIR= PREFIX=/usr/local       make uninstall    remove exactly that

VERSION := 0.1.0

PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/cinch
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions

# One build directory per flavour, so that objects never mix.
B      ?= build$(if $(SAN),-san)$(if $(COV),-cov)
PKGS   := libseccomp libcap yajl libsodium
# For rules of the network; not on the launch path, and without a static archive in Debian.
NETPKGS := libmnl
CFLAGS ?= -O2 -g
# The launch path is linked statically where the archives exist: it halves the cost of a start.
ARCHIVES := libc.a libseccomp.a libcap.a libyajl_s.a libsodium.a
have_archives = $(if $(filter-out /%,$(foreach a,$(ARCHIVES),$(shell $(CC) -print-file-name=$a 2>&1))),,1)
STATIC := $(if $(SAN)$(COV)$(FUZZ),,$(have_archives))

# What nobody calls is left out: the fewer pages of a program, the sooner it runs.
HARDEN = -fPIE -fstack-protector-strong -fno-common -ffunction-sections -fdata-sections \
  $(if $(SAN)$(COV)$(FUZZ),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
EXTRA = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) $(if $(COV),--coverage -O0) \
  $(if $(FUZZ),-fsanitize=fuzzer-no-link -fsanitize=address -fsanitize=undefined \
  -fno-sanitize-recover=all)
ALL_CFLAGS = -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
  -Wformat=2 -Wvla -Wconversion -Wno-sign-conversion $(HARDEN) $(if $(WERROR),-Werror) \
  -D_GNU_SOURCE -I. -MMD -MP $(CFLAGS) $(EXTRA)
LDHARDEN = -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--gc-sections
# What is being made, or with V=1 the whole command.
Q = $(if $(V),,@echo "  $(@:$(B)/%=%)"; )
LIBS        = $(shell pkg-config --libs $(PKGS))
NET_LIBS    = $(shell pkg-config --libs $(NETPKGS)) -pthread
# the archive of yajl has a name of its own
STATIC_LIBS = $(patsubst -lyajl,-lyajl_s,$(shell pkg-config --static --libs $(PKGS)))
# The archives need each other.
ALL_OF_IT   = $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group
LINK        = $(Q)$(CC) -pie $(LDHARDEN) $(LDFLAGS) $(EXTRA) -o $@ $(ALL_OF_IT) $(LIBS) $(NET_LIBS) $(LDLIBS)
LINK_STATIC = $(if $(STATIC),$(Q)$(CC) -static-pie $(LDHARDEN) $(LDFLAGS) -o $@ $(ALL_OF_IT) \
  $(STATIC_LIBS) $(LDLIBS),$(LINK))
ARCHIVE     = $(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

# Every .c of a room belongs to the library, but for the mains.
CORE  := $(filter-out shim/main.c shim/ctl/main.c,$(wildcard shim/base/*.c profiles/*.c shim/*.c shim/ctl/*.c))
# The rules of the network: for cinch-hook and cinchctl.
NET   := $(filter-out netseg/hook.c,$(wildcard netseg/*.c))
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
SCRIPTS := $(wildcard tests/test_*.sh)
FUZZERS := $(patsubst tests/fuzz_%.c,%,$(wildcard tests/fuzz_*.c))
TEST_LIB := $(filter-out $(wildcard tests/test_*.c tests/fuzz_*.c tests/replay.c tests/prog_*.c),$(wildcard tests/*.c))
NOMEM := malloc calloc realloc reallocarray strdup strndup vasprintf __vasprintf_chk free
TEST_PROGS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/prog_*.c))
REPLAYS := $(FUZZERS:%=$(B)/tests/replay_%)
COMPLETIONS := $(B)/completion/bash $(B)/completion/zsh

all: $(B)/cinch $(B)/cinchctl $(B)/cinch-hook

$(B)/cinch: $(B)/shim/main.o $(B)/libcore.a $(B)/libnet.a ; $(LINK_STATIC)
$(B)/cinchctl: $(B)/shim/ctl/main.o $(B)/libcore.a $(B)/libnet.a ; $(LINK)
# Loaded at every start of a container with a network: all is in it, or where libmnl has no archive all but that and libc.
NET_STATIC := $(if $(STATIC),$(filter /%,$(shell $(CC) -print-file-name=libmnl.a 2>&1)))
$(B)/cinch-hook: $(B)/netseg/hook.o $(B)/libnet.a $(B)/libcore.a
	$(Q)$(CC) $(if $(NET_STATIC),-static-pie,-pie) $(LDHARDEN) $(LDFLAGS) $(EXTRA) -o $@ $(ALL_OF_IT) \
	  $(if $(STATIC),-Wl$(,)-Bstatic -lyajl_s -lsodium $(if $(NET_STATIC),,-Wl$(,)-Bdynamic),$(LIBS)) $(NET_LIBS) $(LDLIBS)
, := ,
# The directories are there because a file that is gone has to leave the archive.
$(B)/libcore.a: $(CORE:%.c=$(B)/%.o) $(sort $(dir $(CORE))) ; $(ARCHIVE)
$(B)/libtest.a: $(TEST_LIB:%.c=$(B)/%.o) tests/ ; $(ARCHIVE)
$(B)/libnet.a: $(NET:%.c=$(B)/%.o) netseg/ ; $(ARCHIVE)
LIBRARIES = $(B)/libtest.a $(B)/libcore.a $(B)/libnet.a
$(B)/tests/test_%: $(B)/tests/test_%.o $(LIBRARIES) ; $(LINK)
$(B)/tests/replay_%: $(B)/tests/fuzz_%.o $(B)/tests/replay.o $(LIBRARIES) ; $(LINK)
# test_nomem makes any allocation of ours fail
$(B)/tests/test_nomem: LDLIBS += $(NOMEM:%=-Wl,--wrap=%)
# programs the tests run; static, so that they also run inside an empty root filesystem
$(B)/tests/prog_%: $(B)/tests/prog_%.o ; $(Q)$(CC) -static $(LDFLAGS) -o $@ $<
# but these, which have parts of cinch-hook in them
$(B)/tests/prog_netload $(B)/tests/prog_netjudge: %: %.o $(LIBRARIES) ; $(LINK)
# its first instruction is its own
$(B)/tests/prog_first: LDFLAGS += -nostdlib
$(B)/tests/fuzz_%: $(B)/tests/fuzz_%.o $(LIBRARIES)
	$(Q)$(CC) -pie $(LDFLAGS) $(EXTRA) -fsanitize=fuzzer -o $@ $(ALL_OF_IT) $(LIBS) $(NET_LIBS)
$(B)/tests/prog_%.o: ALL_CFLAGS = -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -I. -MMD -MP
$(B)/shim/version.o: ALL_CFLAGS += -DCINCH_VERSION='"$(VERSION)"'
# Every file of the library is in the binary: its name as an identifier, its name, its digest.
SHIPPED := $(sort $(wildcard profiles/library/*.json)) $(sort $(wildcard profiles/library/*/*.json))
shipped_name = $(1:profiles/library/%.json=%)
LIBRARY = $(foreach f,$(SHIPPED),SHIPPED($(subst /,_,$(subst -,_,$(call shipped_name,$f))),\
  "$(call shipped_name,$f)","$(firstword $(shell sha256sum $f))"))
$(B)/profiles/builtin.o: ALL_CFLAGS += -DLIBRARY='$(LIBRARY)'
$(B)/profiles/builtin.o: $(SHIPPED) profiles/library/
$(B)/%.o: %.c Makefile ; $(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -c -o $@ $<

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all unit check integration check-san check-nocall lint fuzz coverage demo bench deps \
  install uninstall clean help
.PRECIOUS: $(B)/%.o
.DELETE_ON_ERROR:

help: ; @sed -n 's/^#   //p' Makefile

# Unit tests: no root, no network, seconds.
# Sanitizers cost ten times as much: fewer mutants there, and say so.
FEWER := $(if $(SAN)$(COV),CINCH_MUTATIONS=2000)
unit: all $(TESTS) $(TEST_PROGS) $(REPLAYS)
	$(if $(FEWER),@echo "this build: $(FEWER) instead of 20000")
	@$(FEWER) B=$(B) tests/run $(TESTS) $(REPLAYS) $(SCRIPTS)

# The real engines; without root they are skipped, aloud. The last line counts.
# the longest first: begun last they would leave the other processors idle
LONGEST := $(wildcard integration/runc/test_hook.sh integration/kubernetes/test_kubernetes.sh integration/runc/test_crash.sh)
ENGINES := $(LONGEST) $(filter-out $(LONGEST),$(wildcard integration/*/test_*.sh))
# what the engines' tests install is made before they begin: two of them may run at once
check: all $(TESTS) $(TEST_PROGS) $(REPLAYS) $(COMPLETIONS)
	@B=$(B) tests/run $(TESTS) $(REPLAYS) $(SCRIPTS) $(ENGINES)
integration: all $(TEST_PROGS) $(COMPLETIONS)
	@B=$(B) tests/run $(ENGINES)
check-san: ; @$(MAKE) --no-print-directory SAN=address,undefined WERROR=1 unit
# The fallbacks for kernels, and for filters around a build, that do not know openat2.
check-nocall: all $(TESTS) $(TEST_PROGS)
	@B=$(B) $(B)/tests/prog_nocall tests/run $(TESTS)
lint: ; @tests/lint
coverage: ; @$(MAKE) --no-print-directory COV=1 unit && tests/coverage build-cov

# Finds go to build-fuzz; tests/corpus is only read.
FUZZ_SECONDS ?= 60
fuzz:
	@$(MAKE) --no-print-directory CC=clang B=build-fuzz FUZZ=1 $(FUZZERS:%=build-fuzz/tests/fuzz_%)
	@for f in $(FUZZERS); do d=build-fuzz/corpus/$$f; mkdir -p $$d && \
	  ! [ -d tests/corpus/$$f ] || cp -R tests/corpus/$$f/. $$d && \
	  build-fuzz/tests/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
	    -artifact_prefix=build-fuzz/ -print_final_stats=1 $$d || exit 1; done

deps: ; @integration/deps.sh
demo: ; @integration/deps.sh build test && $(MAKE) --no-print-directory -s Q=@ all $(B)/tests/prog_probe && \
  B=$(B) integration/demo/demo.sh
bench: all $(TEST_PROGS) $(B)/bench $(B)/stub $(B)/netbench $(B)/hookbench
	@for s in bench hook apply net segments; do B=$(B) integration/bench/$$s.sh || exit 1; done
$(B)/bench $(B)/stub $(B)/netbench $(B)/hookbench: $(B)/%: integration/bench/%.c ; $(Q)mkdir -p $(@D) && \
  $(CC) -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -static $(LDFLAGS) -o $@ $<

# What is installed, as SOURCE:PLACE; uninstall removes the same places.
PAGES  := $(wildcard man/*.[1-9])
PLACES := $(B)/cinch:$(SBINDIR)/cinch $(B)/cinch-hook:$(SBINDIR)/cinch-hook $(B)/cinchctl:$(SBINDIR)/cinchctl \
  $(B)/completion/bash:$(BASHDIR)/cinchctl $(B)/completion/zsh:$(ZSHDIR)/_cinchctl \
  $(foreach p,$(PAGES),$p:$(MANDIR)/man$(subst .,,$(suffix $p))/$(notdir $p)) \
  $(foreach p,$(SHIPPED),$p:$(DATADIR)/profiles/$(p:profiles/library/%=%)) \
  $(foreach p,$(wildcard profiles/*.schema.json),$p:$(DATADIR)/$(notdir $p))
$(COMPLETIONS): $(B)/completion/%: $(B)/cinchctl ; $(Q)mkdir -p $(@D) && $< completion $* >$@
install: all $(COMPLETIONS)
	@for p in $(PLACES); do to="$(DESTDIR)$${p#*:}"; mode=644; ! [ -x "$${p%%:*}" ] || mode=755; \
	  install -D -m $$mode "$${p%%:*}" "$$to" || exit 1; done
	@ln -sf cinch "$(DESTDIR)$(SBINDIR)/cinch-baseline"
uninstall:
	@for p in $(PLACES); do rm -f "$(DESTDIR)$${p#*:}"; done
	@rm -f "$(DESTDIR)$(SBINDIR)/cinch-baseline"
	@! [ -d "$(DESTDIR)$(DATADIR)" ] || find "$(DESTDIR)$(DATADIR)" -depth -type d -empty -delete

clean: ; rm -rf build build-*
