/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_spec - shapes of OCI documents: what is accepted, what is refused and with which words.
 */
#include "shim/spec.h"

#include <dirent.h>

#include "shim/base/cleanup.h"
#include "tests/tap.h"

#define SAMPLES "tests/data/samples"

static const struct spec_field *table_of(const char *name)
{
	if (str_ends(name, "-process.json"))
		return spec_process;
	if (str_ends(name, "-resources.json"))
		return spec_resources;
	return spec_config;
}

static int check_text(const char *text, size_t len, const struct spec_field *table, struct err *e)
{
	AUTO_JSON struct json_doc *doc = NULL;

	if (json_parse(text, len, &spec_limits, JSON_STRICT, &doc, e) < 0)
		return -1;
	return spec_check(doc, table, e);
}

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;

	if (!f)
		return NULL;
	if (getdelim(&text, &cap, EOF, f) < 0) {
		free(text);
		text = NULL;
	}
	*len = text ? (size_t)ftell(f) : 0;
	fclose(f);
	return text;
}

static void test_samples(void)
{
	DIR *dir = opendir(SAMPLES);
	struct dirent *d;
	int seen = 0;

	while (dir && (d = readdir(dir))) {
		AUTO_STR struct str path = STR_INIT;
		AUTO_FREE char *text = NULL;
		struct err e = {0};
		size_t len = 0;

		if (!str_ends(d->d_name, ".json"))
			continue;
		str_addf(&path, SAMPLES "/%s", d->d_name);
		text = slurp(str_text(&path), &len);
		seen++;
		ok(text && check_text(text, len, table_of(d->d_name), &e) == 0, "%s: %s", d->d_name,
			e.msg);
	}
	if (dir)
		closedir(dir);
	ok(seen >= 50, "%d samples were there", seen);
}

/* DOC without WANT is accepted; else refused, and WANT is part of the message. */
static const struct {
	const char *doc, *want;
} docs[] = {
	{"{\"ociVersion\":\"1.0.2\"}", NULL},
	{"{\"ociVersion\":\"1.3.0-dev\",\"process\":null,\"linux\":null}", NULL},
	{"{\"ociVersion\":\"1.0.2\",\"windows\":{\"x\":1},\"x-y\":[null]}", NULL},
	{"{}", "ociVersion"},
	{"{\"ociVersion\":null}", "ociVersion"},
	{"{\"ociVersion\":\"2.0.0\"}", "not 1.x"},
	{"{\"ociVersion\":\"10.0.0\"}", "not 1.x"},
	{"{\"ociVersion\":1}", "/ociVersion must be a string, not a number"},
	{"[]", "the document must be an object, not an array"},
	{"\"x\"", "must be an object"},
	/* runc reads these as process, capabilities and sysctl, and the last one wins */
	{"{\"ociVersion\":\"1.0\",\"Process\":{}}", "spelled unlike \"process\""},
	{"{\"ociVersion\":\"1.0\",\"proce\u017fs\":{}}", "spelled unlike \"process\""},
	{"{\"ociVersion\":\"1.0\",\"hoo\u212as\":{}}", "spelled unlike \"hooks\""},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"noNewprivileges\":true}}",
		"spelled unlike \"noNewPrivileges\""},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"user\":{\"UID\":0}}}",
		"line 1, column 40: /process/user/UID is spelled"},
	{"{\"ociVersion\":\"1.0\",\"mounts\":[{\"Options\":null}]}", "spelled unlike \"options\""},
	{"{\"ociVersion\":\"1.0\",\"linux\":{\"resources\":{\"rdma\":{\"a\":{\"HcaHandles\":1}}}}}",
		"spelled unlike \"hcaHandles\""},
	/* free-form keys may have any case */
	{"{\"ociVersion\":\"1.0\",\"annotations\":{\"Process\":\"x\",\"process\":\"y\"}}", NULL},
	{"{\"ociVersion\":\"1.0\",\"annotations\":{\"a\":null}}",
		"/annotations/a must be a string"},
	{"{\"ociVersion\":\"1.0\",\"annotations\":{\"a\":1}}", "/annotations/a must be a string"},
	{"{\"ociVersion\":\"1.0\",\"annotations\":[]}", "/annotations must be an object"},
	{"{\"ociVersion\":\"1.0\",\"process\":[]}", "/process must be an object"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"env\":\"A=b\"}}", "/process/env must be an array"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"env\":[\"A=b\",null]}}",
		"/process/env/1 must be a string, not null"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"terminal\":\"true\"}}", "must be true or false"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"user\":{\"uid\":\"0\"}}}", "must be an integer"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"user\":{\"uid\":-1}}}", "from 0 to 2^64-1"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"user\":{\"uid\":1e3}}}", "without fraction"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"user\":{\"uid\":1.0}}}", "without fraction"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"user\":{\"additionalGids\":[0.5]}}}",
		"/process/user/additionalGids/0 must be a whole number"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"oomScoreAdj\":-5}}", NULL},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"oomScoreAdj\":9223372036854775808}}", "64 bits"},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"rlimits\":[{\"hard\":18446744073709551615}]}}",
		NULL},
	{"{\"ociVersion\":\"1.0\",\"process\":{\"rlimits\":[{\"hard\":18446744073709551616}]}}",
		"from 0 to 2^64-1"},
	{"{\"ociVersion\":\"1.0\",\"mounts\":[null]}", "/mounts/0 must be an object, not null"},
	{"{\"ociVersion\":\"1.0\",\"mounts\":{}}", "/mounts must be an array"},
	{"{\"ociVersion\":\"1.0\",\"hooks\":{\"prestart\":[{\"path\":1}]}}", "must be a string"},
	{"{\"ociVersion\":\"1.0\",\"linux\":{\"timeOffsets\":{\"boottime\":{\"secs\":-5}}}}", NULL},
	{"{\"ociVersion\":\"1.0\",\"linux\":{\"netDevices\":{\"eth0\":null}}}",
		"must be an object"},
	{"{\"ociVersion\":\"1.0\",\"linux\":{\"seccomp\":{\"syscalls\":[{\"args\":[{\"value\":-1}]}"
	 "]}}}",
		"from 0"},
};

static void test_docs(void)
{
	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		struct err e = {0};
		int rc = check_text(docs[i].doc, strlen(docs[i].doc), spec_config, &e);

		if (!docs[i].want)
			ok(rc == 0, "%s accepted %s", docs[i].doc, e.msg);
		else
			ok(rc < 0 && e.code == ERR_INPUT && strstr(e.msg, docs[i].want),
				"%s refused: %s", docs[i].doc, e.msg);
	}
}

static void test_tables(void)
{
	static const char process[] = "{\"cwd\":\"/\",\"user\":{\"uid\":0}}";
	static const char resources[] = "{\"pids\":{\"limit\":-1},\"unified\":{\"a\":\"b\"}}";
	struct err e = {0};

	ok(check_text(process, strlen(process), spec_process, &e) == 0, "a process alone");
	ok(check_text(resources, strlen(resources), spec_resources, &e) == 0, "resources alone");
	ok(spec_find(spec_config, "linux") && !spec_find(spec_config, "Linux"), "exact rows only");
	ok(!spec_find(spec_config, "windows"), "members of other systems are unknown");
}

/* One string or array of N elements at a place with a limit. */
static int sized(const char *before, const char *element, size_t n, const char *after)
{
	AUTO_STR struct str s = STR_INIT;
	struct err e = {0};

	str_add(&s, "{\"ociVersion\":\"1.0\",");
	str_add(&s, before);
	for (size_t i = 0; i < n; i++)
		str_add(&s, *element == ',' && i == 0 ? element + 1 : element);
	str_add(&s, after);
	str_add(&s, "}");
	return check_text(str_text(&s), s.len, spec_config, &e);
}

static void test_limits(void)
{
	ok(sized("\"hostname\":\"", "h", 64, "\"") == 0, "a host name of 64 bytes");
	ok(sized("\"hostname\":\"", "h", 65, "\"") < 0, "not of 65");
	ok(sized("\"root\":{\"path\":\"", "/", 4095, "\"}") == 0, "a path of 4095 bytes");
	ok(sized("\"root\":{\"path\":\"", "/", 4096, "\"}") < 0, "not of 4096");
	ok(sized("\"linux\":{\"namespaces\":[", ",{}", 64, "]}") == 0, "64 namespaces");
	ok(sized("\"linux\":{\"namespaces\":[", ",{}", 65, "]}") < 0, "not 65");
	ok(sized("\"linux\":{\"uidMappings\":[", ",{}", 341, "]}") < 0, "not 341 mappings");
	ok(sized("\"linux\":{\"devices\":[", ",{}", 2049, "]}") < 0, "not 2049 devices");
	ok(sized("\"linux\":{\"resources\":{\"devices\":[", ",{}", 2048, "]}}") == 0,
		"2048 device rules");
	ok(sized("\"linux\":{\"resources\":{\"devices\":[", ",{}", 2049, "]}}") < 0, "not 2049");
	ok(sized("\"process\":{\"args\":[", ",\"a\"", 16385, "]}") < 0, "not 16385 arguments");
	ok(sized("\"process\":{\"args\":[\"", "a", 131073, "\"]}") < 0,
		"no argument of 128 KiB + 1");
	ok(sized("\"process\":{\"args\":[\"", "a", 131072, "\"]}") == 0, "one of 128 KiB");
	ok(sized("\"x\":\"", "a", 4u * 1024 * 1024, "\"") < 0, "no document over 4 MiB");
	ok(sized("\"x\":[", ",1", 200001, "]") < 0, "not more than 200000 values");
}

static const struct {
	const char *a, *b;
	bool same;
} folds[] = {
	{"", "", true},
	{"process", "PROCESS", true},
	{"process", "process", true},
	{"sysctl", "\u017fy\u017fctl", true},
	{"\u017f", "S", true},
	{"hooks", "hoo\u212as", true},
	{"K", "\u212a", true},
	{"process", "proces", false},
	{"proces", "process", false},
	{"uid", "u\u0131d", false}, /* the dotless i is its own letter */
	{"uid", "u\u0130d", false},
	{"a@", "a`", false}, /* 0x40 and 0x60 differ by the case bit, but are no letters */
	{"a[", "a{", false},
	{"\u00e4", "\u00c4", false}, /* no key of the specification has such a letter */
	{"s\xc5", "s\xc5", true},
};

int main(void)
{
	test_samples();
	test_docs();
	test_tables();
	test_limits();
	for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
		ok(spec_key_folds(folds[i].a, folds[i].b) == folds[i].same, "fold %s %s",
			folds[i].a, folds[i].b);
		ok(spec_key_folds(folds[i].b, folds[i].a) == folds[i].same, "fold %s %s",
			folds[i].b, folds[i].a);
	}
	return tap_done();
}
