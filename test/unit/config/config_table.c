/* The option table of the tests. */
#include "config_table.h"

#define FIELD(name) offsetof(struct table_values, name), sizeof(((struct table_values *)0)->name)
#define OPT(kind, field, name, fallback, min, max, flags, alias)                                   \
	{                                                                                          \
		name, NULL, alias, fallback, "What " name " does.", NULL, min, max, FIELD(field),  \
			OPT_##kind, 0, flags                                                       \
	}

static const char *const colours[] = {"red", "green", NULL};
static const char *const groups[] = {"First", "Second"};

static const struct opt opts[] = {
	OPT(BOOL, loud, "loud", "false", 0, 0, 0, NULL),
	OPT(BOOL, strict, "strict", "false", 0, 0, OPT_ENV_TRUE_ONLY, NULL),
	OPT(PORT, port, "port", "80", 0, 65535, OPT_RESTART, NULL),
	OPT(INT, count, "max-count", "10", 1, 1000, 0, NULL),
	OPT(SIZE, size, "max-size", "64k", 1024, 1u << 20, 0, NULL),
	OPT(MS, wait_ms, "wait", "30000", 0, UINT64_MAX, 0, NULL),
	OPT(SECONDS, age_s, "age", "60", 1, 86400, 0, NULL),
	OPT(TEXT, title, "title", NULL, 0, 0, 0, NULL),
	OPT(FILE, path, "key-file", NULL, 0, 0, 0, "FILE_LT_KEY"),
	OPT(ADDRESS, address, "address", "0.0.0.0", 0, 0, 0, NULL),
	OPT(HOST, host, "domain", NULL, 0, 0, 0, NULL),
	OPT(URL, url, "landing", NULL, 0, 0, 0, NULL),
	OPT(SECRET, secret, "key", NULL, 0, 0, OPT_NO_FLAG | OPT_NO_FILE, NULL),
	OPT(LIST, names, "names", "www,api", 0, 0, 0, NULL),
	{"colour", NULL, NULL, "red", "What | colour does.", colours, 0, 0, FIELD(colour), OPT_ENUM,
		1, 0},
	{.name = "old",
		.fallback = "100",
		.doc = "Nothing.",
		.min = 1,
		.max = 1000,
		.type = OPT_MS,
		.group = 1,
		.flags = OPT_NO_EFFECT},
};

const struct opt_table config_table = {opts, ARRAY_LEN(opts), groups};

const struct opt *table_opt(const char *name)
{
	const struct opt *o = opt_find(&config_table, slice_from_str(name));

	assert_non_null(o);
	return o;
}

const char *table_text(const struct buf *b)
{
	static char text[65536];

	slice_to_str(buf_slice(b), text, sizeof(text));
	return text;
}
