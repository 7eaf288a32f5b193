# cinch - see README.md. GNU make.
#
#   make            build cinch and cinchctl          make demo         see it work
#   make check      all tests (integration as root)   make install      DESTDIR= PREFIX=
#   make deps       install what is missing           make lint         silent when all is well

VERSION := 0.1.0

PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/cinch
SYSCONFDIR ?= /etc

# One build directory per flavour, so that objects never mix.
B      ?= build$(if $(SAN),-san)$(if $(COV),-cov)
PKGS   := libseccomp libcap yajl libsodium
CFLAGS ?= -O2 -g
# The launch path is linked statically where the archives exist: it halves the cost of a start.
STATIC ?= $(if $(SAN)$(COV)$(FUZZ),,1)

HARDEN = -fPIE -fstack-protector-strong -fno-common \
  $(if $(SAN)$(COV)$(FUZZ),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
EXTRA = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) $(if $(COV),--coverage -O0) \
  $(if $(FUZZ),-fsanitize=fuzzer-no-link -fsanitize=address -fsanitize=undefined)
ALL_CFLAGS = -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
  -Wformat=2 -Wvla -Wconversion -Wno-sign-conversion $(HARDEN) $(if $(WERROR),-Werror) \
  -D_GNU_SOURCE -I. -MMD -MP $(CFLAGS) $(EXTRA)
LDHARDEN = -Wl,-z,relro,-z,now
LIBS        = $(shell pkg-config --libs $(PKGS))
STATIC_LIBS = $(shell pkg-config --static --libs $(PKGS))
LINK        = $(CC) -pie $(LDHARDEN) $(LDFLAGS) $(EXTRA) -o $@ $(filter %.o %.a,$^) $(LIBS) $(LDLIBS)
LINK_STATIC = $(if $(STATIC),$(CC) -static-pie $(LDHARDEN) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) \
  $(STATIC_LIBS) $(LDLIBS),$(LINK))

# Every .c of a room belongs to the library, but for the mains.
CORE  := $(filter-out shim/main.c,$(wildcard shim/base/*.c profiles/*.c shim/*.c))
CTL   := $(wildcard shim/ctl/*.c)
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
FUZZERS := $(patsubst tests/fuzz_%.c,%,$(wildcard tests/fuzz_*.c))
TEST_LIB := $(filter-out $(wildcard tests/test_*.c tests/fuzz_*.c tests/replay.c tests/prog_*.c),$(wildcard tests/*.c))
TEST_PROGS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/prog_*.c))
REPLAYS := $(FUZZERS:%=$(B)/tests/replay_%)

all: $(B)/cinch $(B)/cinchctl

$(B)/cinch: $(B)/shim/main.o $(B)/libcore.a ; $(LINK_STATIC)
$(B)/cinchctl: $(CTL:%.c=$(B)/%.o) $(B)/libcore.a ; $(LINK)
$(B)/libcore.a: $(CORE:%.c=$(B)/%.o) ; @rm -f $@; $(AR) rcs $@ $^
$(B)/libtest.a: $(TEST_LIB:%.c=$(B)/%.o) ; @rm -f $@; $(AR) rcs $@ $^
$(B)/tests/test_%: $(B)/tests/test_%.o $(B)/libtest.a $(B)/libcore.a ; $(LINK)
$(B)/tests/replay_%: $(B)/tests/fuzz_%.o $(B)/tests/replay.o $(B)/libtest.a $(B)/libcore.a ; $(LINK)
# programs the tests run; static, so that they also run inside an empty root filesystem
$(B)/tests/prog_%: $(B)/tests/prog_%.o ; $(CC) -static $(LDFLAGS) -o $@ $<
$(B)/tests/fuzz_%: $(B)/tests/fuzz_%.o $(B)/libtest.a $(B)/libcore.a ; \
  $(CC) -pie $(LDFLAGS) $(EXTRA) -fsanitize=fuzzer -o $@ $^ $(LIBS)
$(B)/tests/prog_%.o: ALL_CFLAGS = -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -I. -MMD -MP
$(B)/shim/version.o: ALL_CFLAGS += -DCINCH_VERSION='"$(VERSION)"'
$(B)/profiles/builtin.o: $(wildcard profiles/library/*.json profiles/library/*/*.json)
$(B)/%.o: %.c ; @mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -c -o $@ $<

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all unit clean
.SECONDARY:

# Unit tests: no root, no network, seconds.
unit: all $(TESTS) $(TEST_PROGS) $(REPLAYS)
	B=$(B) tests/run $(TESTS) $(REPLAYS)

clean: ; rm -rf build build-*
