/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network - what a launch does for the rules of the network: say what they are made of, and have the runtime run
 * cinch-hook, which makes them (createRuntime) and takes them away again (poststop).
 *
 * A container whose profiles do not speak of the network gets no hook, no rules and no cost.
 */
#ifndef CINCH_NETWORK_H
#define CINCH_NETWORK_H

#include <limits.h>

#include "shim/engine.h"
#include "shim/report.h"
#include "shim/select.h"
#include "shim/world.h"

/* Below the directory of the state records: where cinch-hook keeps who has which rules (netseg/registry.h). */
#define NETWORK_DIR "net"

struct network {
	struct json_doc *want; /* "network" of the state record is its root; NULL: no rules */
	bool enforced; /* something is refused: without its rules the container must not start */
	const struct profile *by; /* the first profile that speaks of it; borrowed */
	char hook[WORLD_PATH_MAX]; /* cinch-hook */
	const char *log; /* network_ask's, when the hook has to write there itself; NULL */
	bool log_json;
};

struct network_ask { /* borrowed */
	const struct selection *profiles;
	const struct settings *settings;
	const struct engine *engine;
	const char *id;
	const struct world *world;
	int bundle; /* its directory */
	bool restore; /* by RUNTIME, of which some run no hooks then */
	const char *runtime;
	const char *log; /* --log of the call; NULL */
	bool log_json; /* with --log-format json */
};

/*
 * Hook entries of ours that an earlier start left in DOC (its bundle is used again) go: they name another
 * record, and no profile has to allow them.
 */
int network_forget(struct json_doc *doc, struct report *report, struct err *e);
/*
 * What is wanted for the container of DOC, as it was tightened. REPORT gets a denial for a capability that
 * would undo enforced rules. Where rules are only counted, what is missing for them is a note, and there are
 * none; where they are enforced it is an error. ASK->world NULL: nothing is asked of this host. *OUT is the
 * caller's (network_done), also after a failure.
 */
int network_decide(const struct network_ask *ask, struct json_doc *doc, struct network *out,
	struct report *report, struct err *e);
/*
 * What profiles and settings alone say of it: "policies", "segments" and the addresses of cinch.json, as an object of DOC.
 * Profiles that do not speak of the network have no policy. NULL: out of memory.
 */
struct json *network_policies(
	struct json_doc *doc, const struct selection *profiles, const struct settings *settings);
/* And what is the container's: title, resolvConf, netns. CONFIG is its document. */
struct json *network_want(
	struct json_doc *doc, const struct network_ask *ask, const struct json *config);
/* DOC gets the entries of cinch-hook, for the record of ID below ROOT in DIR (state_path). */
int network_hook(const struct network *n, struct json_doc *doc, const char *dir, const char *root,
	const char *id, struct report *report, struct err *e);
/* REPORT gets a note of the rules that N are. */
int network_note(
	const struct network *n, struct json_doc *doc, struct report *report, struct err *e);
/*
 * A process for a running container, as tightened, with RECORD the state record of that: a capability that undoes
 * enforced rules is a denial, in REPORT and E.
 */
int network_process(struct json_doc *doc, const struct json *process, const struct json *record,
	struct report *report, struct err *e);
void network_done(struct network *n);

/* "preset isolated, segment web", for people; appended. Of the root of N->want. */
void network_words(const struct json *want, struct str *out);

/* cinch-hook beside this program, symlinks followed. ERR_INPUT when it cannot be trusted, ENOENT in E->code
 * when there is none. */
int network_program(const struct world *w, char out[WORLD_PATH_MAX], struct err *e);

/*
 * A start or delete of the container passes: cinch-hook does what is to be done for it, and at most so long
 * as it takes by itself; its last words go to the journal. Quiet when nothing is known of the container.
 * ROOT as state_root gives it.
 */
void network_start(const char *dir, const char *root, const char *id);
void network_delete(const char *dir, const char *root, const char *id);
/*
 * A container comes (COMES) or goes, whatever it is. When somebody is written down in the registry who is gone
 * (registry_stale), cinch-hook takes him out, before his address is anybody else's. Otherwise quiet, and cheap.
 */
void network_tidy(const char *dir, bool comes);

#endif
