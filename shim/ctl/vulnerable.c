/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vulnerable - what a scanner found in an image.
 */
#include "shim/ctl/vulnerable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shim/base/cleanup.h"
#include "shim/base/json.h"

enum {
	VULNS_MAX = 200000,
	NAMES_MAX = 1000, /* tags and digests of one image */
	ID_MAX = 128,
	TEXT_MAX = 256,
};

/* The least a value takes is two bytes and a comma; a real report has one in about thirty. */
static const struct json_limits limits = {VULN_REPORT_MAX, 64, 4000000};

const char *severity_name(enum severity s)
{
	static const char *const names[SEVERITY_COUNT] = {
		[SEVERITY_UNKNOWN] = "unknown",
		[SEVERITY_LOW] = "low",
		[SEVERITY_MEDIUM] = "medium",
		[SEVERITY_HIGH] = "high",
		[SEVERITY_CRITICAL] = "critical",
	};

	return names[s];
}

int severity_from_name(const char *text)
{
	for (int s = 0; s < SEVERITY_COUNT; s++)
		if (strcasecmp(text, severity_name((enum severity)s)) == 0)
			return s;
	return strcasecmp(text, "negligible") == 0 ? SEVERITY_LOW : -1;
}

/* ---- lists ---- */

static void vuln_done(struct vuln *v)
{
	free(v->id);
	free(v->package);
	free(v->version);
	free(v->fixed);
	free(v->title);
}

void vuln_list_done(struct vuln_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		vuln_done(&l->v[i]);
	free(l->v);
	*l = (struct vuln_list){0};
}

/* Takes what V owns, also when it fails. */
static int push(struct vuln_list *l, struct vuln *v, struct err *e)
{
	size_t room = l->n & (l->n - 1) ? 0 : l->n ? 2 * l->n : 1; /* at each power of two */
	struct vuln *more = room ? reallocarray(l->v, room, sizeof *more) : l->v;

	if (more)
		l->v = more;
	if (!more || !v->id || !v->package || !v->version || !v->fixed || !v->title) {
		vuln_done(v);
		return err_nomem(e);
	}
	l->v[l->n++] = *v;
	return 0;
}

int vuln_list_add(
	struct vuln_list *to, const struct vuln_list *from, enum severity least, struct err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct vuln *f = &from->v[i];
		struct vuln v = {.severity = f->severity};

		if (f->severity < least)
			continue;
		v.id = strdup(f->id);
		v.package = strdup(f->package);
		v.version = strdup(f->version);
		v.fixed = strdup(f->fixed);
		v.title = strdup(f->title);
		if (push(to, &v, e) < 0)
			return -1;
	}
	return 0;
}

static int same_order(const void *a, const void *b)
{
	const struct vuln *x = a, *y = b;
	int order = strcmp(x->id, y->id);

	if (order == 0)
		order = strcmp(x->package, y->package);
	if (order == 0)
		order = strcmp(x->version, y->version);
	return order ? order : (int)y->severity - (int)x->severity;
}

static int worst_order(const void *a, const void *b)
{
	const struct vuln *x = a, *y = b;
	int order = (int)y->severity - (int)x->severity;

	return order ? order : same_order(a, b);
}

/* Two scanners, and one that lists each place a package lies in, name it more than once: the more
 * severe opinion stays. */
void vuln_list_sort(struct vuln_list *l)
{
	size_t kept = 0;

	if (!l->n)
		return;
	qsort(l->v, l->n, sizeof *l->v, same_order);
	for (size_t i = 0; i < l->n; i++) {
		struct vuln *v = &l->v[i], *last = kept ? &l->v[kept - 1] : NULL;

		if (last && strcmp(last->id, v->id) == 0 &&
			strcmp(last->package, v->package) == 0 &&
			strcmp(last->version, v->version) == 0)
			vuln_done(v);
		else
			l->v[kept++] = *v;
	}
	l->n = kept;
	qsort(l->v, l->n, sizeof *l->v, worst_order);
}

void vuln_list_count(const struct vuln_list *l, size_t counts[SEVERITY_COUNT])
{
	memset(counts, 0, SEVERITY_COUNT * sizeof *counts);
	for (size_t i = 0; i < l->n; i++)
		counts[l->v[i].severity]++;
}

/* ---- what both formats share ---- */

/* At most MAX bytes of a string, not cut within a character; "" when V is none. */
static char *text(const struct json *v, size_t max)
{
	const char *s = json_str(v);
	size_t n = s ? strnlen(s, max + 1) : 0;

	if (n > max)
		for (n = max; n && ((unsigned char)s[n] & 0xc0) == 0x80;)
			n--;
	return strndup(s ? s : "", n);
}

static enum severity severity_of(const struct json *v)
{
	const char *s = json_str(v);
	int known = s ? severity_from_name(s) : -1;

	return known < 0 ? SEVERITY_UNKNOWN : (enum severity)known;
}

static int add_digest(struct vuln_report *r, const char *digest, struct err *e)
{
	if (!digest || !image_is_digest(digest) || strv_has(&r->digests, digest))
		return 0;
	if (r->digests.n == NAMES_MAX)
		return err_set(e, ERR_INPUT, "more than %d digests of one image", NAMES_MAX);
	return strv_add(&r->digests, digest) < 0 ? err_nomem(e) : 0;
}

/* Where Grype looked for the image may stand before its name: "docker:nginx:1.25". But "docker:24" is a
 * name. */
static const char *behind_scheme(const char *reference)
{
	static const char *const schemes[] = {"docker:", "podman:", "registry:", "containerd:"};

	for (size_t n = 0; n < sizeof schemes / sizeof *schemes; n++)
		if (str_starts(reference, schemes[n]))
			return reference + strlen(schemes[n]);
	return "";
}

/* A reference that points to the image; what is none (the path of an archive) is passed over. */
static int add_name(struct vuln_report *r, const char *reference, struct err *e)
{
	AUTO_IMAGE struct image i = {0};
	struct err why = {0};
	struct image *more;

	if (!reference)
		return 0;
	if (image_parse(reference, &i, &why) < 0 && why.code == ERR_INPUT)
		(void)image_parse(behind_scheme(reference), &i, &why);
	if (why.code == ENOMEM)
		return err_nomem(e);
	if (add_digest(r, i.digest, e) < 0)
		return -1;
	if (!i.repository || !i.tag)
		return 0;
	if (r->n_names == NAMES_MAX)
		return err_set(e, ERR_INPUT, "more than %d names of one image", NAMES_MAX);
	more = reallocarray(r->names, r->n_names + 1, sizeof *more);
	if (!more)
		return err_nomem(e);
	r->names = more;
	r->names[r->n_names++] = i;
	i = (struct image){0};
	return 0;
}

static int add_names(struct vuln_report *r, const struct json *list, struct err *e)
{
	json_each (v, list)
		if (add_name(r, json_str(v), e) < 0)
			return -1;
	return 0;
}

static int set_id(struct vuln_report *r, const struct json *v, struct err *e)
{
	const char *id = json_str(v);

	if (!id || !image_is_digest(id))
		return 0;
	r->image_id = strdup(id);
	return r->image_id ? 0 : err_nomem(e);
}

/* Takes what ONE owns. What has no identifier counts, too; what is no object does not. */
static int found(struct vuln_report *r, const struct json *v, struct vuln *one, struct err *e)
{
	if (json_is(v, JSON_OBJECT) && r->found.n < VULNS_MAX)
		return push(&r->found, one, e);
	vuln_done(one);
	if (r->found.n == VULNS_MAX)
		return err_set(e, ERR_INPUT, "more than %d vulnerabilities", VULNS_MAX);
	return 0;
}

/* ---- Trivy ---- */

static int trivy_results(const struct json *root, struct vuln_report *r, struct err *e)
{
	json_each (result, json_get(root, "Results")) {
		json_each (v, json_get(result, "Vulnerabilities")) {
			struct vuln one = {
				.id = text(json_get(v, "VulnerabilityID"), ID_MAX),
				.package = text(json_get(v, "PkgName"), TEXT_MAX),
				.version = text(json_get(v, "InstalledVersion"), TEXT_MAX),
				.fixed = text(json_get(v, "FixedVersion"), TEXT_MAX),
				.title = text(json_get(v, "Title"), TEXT_MAX),
				.severity = severity_of(json_get(v, "Severity")),
			};

			if (found(r, v, &one, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int trivy(const struct json *root, struct vuln_report *r, struct err *e)
{
	const struct json *name = json_get(root, "ArtifactName"), *meta;
	const char *type = json_str(json_get(root, "ArtifactType"));
	uint64_t version;

	if (!json_u64(json_get(root, "SchemaVersion"), UINT64_MAX, &version) || version != 2)
		return err_set(e, ERR_INPUT,
			"a Trivy report of a schema version other than 2, the only one known here");
	if (type && strcmp(type, "container_image") != 0)
		return err_set(e, ERR_INPUT,
			"a Trivy report of a \"%.32s\", not of an image (trivy image --format "
			"json)",
			type);
	meta = json_get(root, "Metadata");
	r->tool = "trivy";
	r->name = text(name, TEXT_MAX);
	if (!r->name)
		return err_nomem(e);
	if (set_id(r, json_get(meta, "ImageID"), e) < 0 || add_name(r, json_str(name), e) < 0 ||
		add_names(r, json_get(meta, "RepoTags"), e) < 0 ||
		add_names(r, json_get(meta, "RepoDigests"), e) < 0)
		return -1;
	return trivy_results(root, r, e);
}

/* ---- Grype ---- */

/* "1.2.1, 2.1.3" */
static char *fixed_in(const struct json *fix)
{
	AUTO_STR struct str s = STR_INIT;

	json_each (v, json_get(fix, "versions")) {
		const char *version = json_str(v);

		if (!version || s.len + strlen(version) + 2 > TEXT_MAX)
			continue;
		str_addf(&s, "%s%s", s.len ? ", " : "", version);
	}
	return str_failed(&s) ? NULL : strdup(str_text(&s));
}

static int grype_matches(const struct json *root, struct vuln_report *r, struct err *e)
{
	json_each (match, json_get(root, "matches")) {
		const struct json *v = json_get(match, "vulnerability");
		const struct json *artifact = json_get(match, "artifact");
		struct vuln one = {
			.id = text(json_get(v, "id"), ID_MAX),
			.package = text(json_get(artifact, "name"), TEXT_MAX),
			.version = text(json_get(artifact, "version"), TEXT_MAX),
			.fixed = fixed_in(json_get(v, "fix")),
			.title = text(json_get(v, "description"), TEXT_MAX),
			.severity = severity_of(json_get(v, "severity")),
		};

		if (found(r, match, &one, e) < 0)
			return -1;
	}
	return 0;
}

static int grype(const struct json *root, struct vuln_report *r, struct err *e)
{
	const struct json *target = json_at(root, "/source/target");
	const char *type = json_str(json_at(root, "/source/type"));
	const struct json *input;

	if (!type || strcmp(type, "image") != 0 || !json_is(target, JSON_OBJECT))
		return err_set(e, ERR_INPUT, "a Grype report of a \"%.32s\", not of an image",
			type ? type : "?");
	input = json_get(target, "userInput");
	r->tool = "grype";
	r->name = text(input, TEXT_MAX);
	if (!r->name)
		return err_nomem(e);
	if (set_id(r, json_get(target, "imageID"), e) < 0 ||
		add_digest(r, json_str(json_get(target, "manifestDigest")), e) < 0 ||
		add_name(r, json_str(input), e) < 0 ||
		add_names(r, json_get(target, "tags"), e) < 0 ||
		add_names(r, json_get(target, "repoDigests"), e) < 0)
		return -1;
	return grype_matches(root, r, e);
}

/* ---- which it is ---- */

static bool is_trivy(const struct json *root)
{
	return json_is(json_get(root, "SchemaVersion"), JSON_NUMBER) &&
	       json_is(json_get(root, "ArtifactName"), JSON_STRING);
}

static bool is_grype(const struct json *root)
{
	const char *name = json_str(json_at(root, "/descriptor/name"));

	return name && strcmp(name, "grype") == 0 && json_is(json_get(root, "matches"), JSON_ARRAY);
}

/* What else scanners write, so that the message can say more than "no". */
static int refuse(const struct json *root, struct err *e)
{
	static const struct {
		const char *member, *what;
	} others[] = {
		{"bomFormat", "a CycloneDX document"},
		{"spdxVersion", "an SPDX document"},
		{"runs", "a SARIF document"},
		{"ClusterName", "a report of a whole cluster"},
		{"Report", "a report of a compliance check"},
	};
	const char *what = json_is(root, JSON_ARRAY) ? "an array (as Trivy wrote before 0.20)"
						     : "another document";

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (json_get(root, others[i].member))
			what = others[i].what;
	return err_set(e, ERR_INPUT,
		"neither a Trivy nor a Grype report of an image but %s; expected the output of "
		"\"trivy image --format json\" or \"grype --output json\"",
		what);
}

int vuln_report_parse(
	const char *name, const char *text_, size_t len, struct vuln_report *out, struct err *e)
{
	AUTO_VULN_REPORT struct vuln_report r = {0};
	AUTO_JSON struct json_doc *doc = NULL;
	const struct json *root;
	int rc;

	if (json_parse(text_, len, &limits, JSON_STRICT, &doc, e) < 0)
		return err_wrap(e, "report %.256s", name);
	root = json_root(doc);
	rc = is_trivy(root)   ? trivy(root, &r, e)
	     : is_grype(root) ? grype(root, &r, e)
			      : refuse(root, e);
	if (rc < 0)
		return err_wrap(e, "report %.256s", name);
	vuln_list_sort(&r.found);
	*out = r;
	r = (struct vuln_report){0};
	return 0;
}

void vuln_report_done(struct vuln_report *r)
{
	free(r->name);
	free(r->image_id);
	strv_done(&r->digests);
	for (size_t i = 0; i < r->n_names; i++)
		image_done(&r->names[i]);
	free(r->names);
	vuln_list_done(&r->found);
	*r = (struct vuln_report){0};
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

enum vuln_match vuln_report_match(const struct vuln_report *r, const struct image *i)
{
	/* with its containerd store, what Docker calls an image's ID is the digest of its manifest */
	if (same(i->id, r->image_id) || (i->id && strv_has(&r->digests, i->id)) ||
		(i->digest && strv_has(&r->digests, i->digest)))
		return VULN_CERTAIN;
	/* An image has one ID: the tag was moved. It may have several digests, its own and those of
	 * indexes that list it, so that another digest proves nothing. */
	if (i->id && r->image_id)
		return VULN_OTHER;
	for (size_t n = 0; n < r->n_names; n++)
		if (same(i->registry, r->names[n].registry) &&
			same(i->repository, r->names[n].repository) &&
			same(i->tag, r->names[n].tag))
			return VULN_BY_NAME;
	return VULN_OTHER;
}
