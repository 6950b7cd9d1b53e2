/*
 * An option table: one constant array says everything about a program's options, and parsing,
 * help, documentation and checks are made from it. Values land in a plain struct of the program
 * by offset and size. Pure: no file, no environment, no output.
 */
#ifndef CONFIG_OPT_H
#define CONFIG_OPT_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

/* The field's C type stands behind each: numbers may have any unsigned size, a port 0 is "none". */
enum opt_type {
	OPT_BOOL, /* bool */
	OPT_PORT, /* uint16_t */
	OPT_INT,
	OPT_SIZE, /* bytes */
	OPT_MS, /* a time; a plain number is milliseconds */
	OPT_SECONDS, /* a time; a plain number is seconds */
	OPT_TEXT, /* char *, as all that follow, except OPT_LIST and OPT_ENUM */
	OPT_FILE, /* a path */
	OPT_ADDRESS, /* an IP address literal */
	OPT_HOST, /* a host name, made lower case */
	OPT_URL, /* an http(s) URL or an absolute path */
	OPT_SECRET, /* text that is never shown, and wiped when freed */
	OPT_LIST, /* char **, NULL-terminated, lower case */
	OPT_ENUM /* an enum counted from 0 in the order of values */
};

enum opt_flag {
	OPT_RESTART = 1u << 0, /* a reload cannot change it */
	OPT_NO_FLAG = 1u << 1, /* not on the command line */
	OPT_NO_FILE = 1u << 2, /* not in the YAML file */
	OPT_ENV_TRUE_ONLY = 1u << 3, /* in the environment only the word true is true */
	OPT_NO_EFFECT = 1u << 4, /* accepted and checked, but stored nowhere */
	OPT_ASKED = 1u << 5, /* a secret that is a bare switch as a flag, and then the text "-" */
	OPT_NO_ENV = 1u << 6 /* not in the environment */
};

#define OPT_NAME_MAX 64
#define OPT_ENV_PREFIX "LT_" /* of options that name no other */

struct opt {
	const char *name; /* the flag without its dashes, and the YAML key */
	const char *env_prefix; /* of its environment name; NULL: OPT_ENV_PREFIX */
	const char *env_alias; /* a second environment name, or NULL */
	const char *fallback; /* the default as text; NULL: not set */
	const char *doc; /* one sentence, with its full stop */
	const char *const *values; /* OPT_ENUM: the words, NULL-terminated */
	uint64_t min;
	uint64_t max;
	size_t offset;
	size_t size;
	enum opt_type type;
	unsigned group;
	unsigned flags; /* of enum opt_flag */
};

struct opt_table {
	const struct opt *opts; /* borrowed, sorted by group */
	size_t count;
	const char *const *groups; /* borrowed; headings, indexed by group */
};

/* Which spelling of an option a person used. */
enum opt_style { OPT_STYLE_FLAG, OPT_STYLE_ENV, OPT_STYLE_KEY };

/* NULL when there is none of that name. */
const struct opt *opt_find(const struct opt_table *table, struct slice name);
const struct opt *opt_find_env(const struct opt_table *table, struct slice name);
/* "NAME-file" if the table has it: where a secret stands that is no flag. NULL otherwise. */
const struct opt *opt_find_file_of(const struct opt_table *table, const struct opt *o);
size_t opt_index(const struct opt_table *table, const struct opt *o);
static inline bool opt_has(const struct opt *o, enum opt_flag flag)
{
	return (o->flags & flag) != 0;
}
/* What all environment names of the table begin with. */
const char *opt_env_prefix(const struct opt_table *table);
/* The prefix and the name in upper case. */
void opt_env_name(const struct opt *o, char out[OPT_NAME_MAX]);
/* Whether the text is so close to word that it was probably meant. */
bool opt_is_near(struct slice text, struct slice word);
/* Appends "; did you mean --port?" in the given spelling when an option's name is near. */
void opt_suggest(
	const struct opt_table *table, struct slice text, enum opt_style style, struct buf *out);
/* Appends text in quotes, shortened, with nothing in it that could upset a terminal. */
void opt_quote(struct buf *out, struct slice text);
/* The word that stands for the value in help: PORT, MS, on|off. */
void opt_print_hint(const struct opt *o, struct buf *out);

#endif
