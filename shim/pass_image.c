/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_image - only images from where the profile says, named by digest where it says so, and none that
 * somebody has denied.
 *
 * The image is what the engine tells (engine.h): a name the engine resolved, not a proof of what is in the
 * root filesystem. Who may tag images in the engine's store can give any of them any name; a digest in
 * the reference cannot be forged that way.
 */
#include "shim/pass.h"

#include <string.h>

/* Reasons have no place in the document: the image is not in it. */
static const char nowhere[] = "";

static bool told(const struct image *i)
{
	return i && (i->repository || i->digest || i->id);
}

static bool demands(const struct profile *p)
{
	return p->image.registries.n || p->image.digest_required || p->image.deny.n;
}

/* As a person would name it. */
static const char *name_of(const struct image *i)
{
	if (i->text)
		return i->text;
	return i->id ? i->id : i->digest;
}

static void add_list(const struct strv *list, struct str *out)
{
	enum { SHOWN = 4 };

	for (size_t i = 0; i < list->n && i < SHOWN; i++)
		str_addf(out, "%s%.128s", i ? ", " : "", list->v[i]);
	if (list->n > SHOWN)
		str_addf(out, " and %zu more", list->n - SHOWN);
}

static void judge_registry(struct edit *ed, const struct profile *p, const struct image *i)
{
	AUTO_STR struct str list = STR_INIT;

	if (p->image.registries.n == 0 || image_matches_any(i, &p->image.registries))
		return;
	add_list(&p->image.registries, &list);
	if (str_failed(&list))
		ed->failed = true;
	else if (!i->repository)
		edit_deny_at(ed, nowhere,
			"image %.80s is named by its ID, which does not tell where it came from; "
			"start it "
			"by a name that matches %s",
			name_of(i), str_text(&list));
	else
		edit_deny_at(ed, nowhere,
			"image %.256s is not from an approved registry; use one that matches %s, "
			"or add it to image.registries of the profile",
			name_of(i), str_text(&list));
}

static void judge_digest(struct edit *ed, const struct profile *p, const struct image *i)
{
	if (!p->image.digest_required || (i->digest && image_is_digest(i->digest)))
		return;
	/* by another digest, whoever chooses the name walks around every list of denied ones */
	if (i->digest)
		edit_deny_at(ed, nowhere,
			"image %.256s is named by a digest that no list of denied images can have; "
			"name it by that of SHA-256: %.128s/%.256s@sha256:...",
			name_of(i), i->registry ? i->registry : "",
			i->repository ? i->repository : "");
	else if (i->repository)
		edit_deny_at(ed, nowhere,
			"image %.256s is named by a tag, which can be moved to another image; name "
			"it by digest: %.128s/%.256s@sha256:...",
			name_of(i), i->registry ? i->registry : "", i->repository);
	else
		edit_deny_at(ed, nowhere,
			"image %.80s is named by its ID; name it by digest: "
			"REGISTRY/REPOSITORY@sha256:...",
			name_of(i));
}

static void judge_denied(struct edit *ed, const struct profile *p, const struct world *w)
{
	const struct image *i = w->image;
	const struct denied_image *d = w->image_denied;

	if ((i->digest && strv_has(&p->image.deny, i->digest)) ||
		(i->id && strv_has(&p->image.deny, i->id)))
		edit_deny_at(ed, nowhere,
			"image %.256s is denied by image.deny of the profile; use a later build of "
			"it",
			name_of(i));
	else if (p->image.deny.n && !i->digest && !i->id)
		edit_note(ed, NULL,
			"image %.256s is known by its tag alone and cannot be compared with "
			"image.deny; \"digest\": \"required\" closes that gap",
			name_of(i));
	if (d && d->digest)
		edit_deny_at(ed, nowhere,
			"image %.256s is denied on this node%s%.256s%s%.256s%s; use a later build "
			"of it, or take %.19s... off the list of denied images and apply",
			name_of(i), d->reason && d->reason[0] ? ": " : "",
			d->reason ? d->reason : "", d->cves && d->cves[0] ? " (" : "",
			d->cves ? d->cves : "", d->cves && d->cves[0] ? ")" : "", d->digest);
}

void pass_image(struct edit *ed, const struct profile *p, const struct world *w)
{
	if (told(w->image)) {
		judge_registry(ed, p, w->image);
		judge_digest(ed, p, w->image);
		judge_denied(ed, p, w);
	} else if (demands(p) && w->image_exempt) {
		edit_note(ed, NULL,
			"the image of a pod's own sandbox is not told; the node chose it, and no "
			"workload runs in it");
	} else if (demands(p)) {
		edit_deny_at(ed, nowhere,
			"the engine does not tell which image this is, and the profile demands an "
			"image it approves of; start it through an engine that tells (containerd's "
			"CRI, CRI-O, Docker, podman), or select another profile for it");
	}
}
