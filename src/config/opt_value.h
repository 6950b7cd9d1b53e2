/*
 * Option values inside the program's struct: reading text into the field that the table names,
 * freeing, comparing and printing it.
 */
#ifndef CONFIG_OPT_VALUE_H
#define CONFIG_OPT_VALUE_H

#include "config/opt.h"

/* The words that mean yes and no: true, on, yes; false, off, no. ERR_SYNTAX for all else. */
MUST_CHECK int opt_value_bool(struct slice text, bool *value_out);
/*
 * Parses text and puts it into the field, in place of what was there. On error the field stays as
 * it was and why has a sentence that names the value (never a secret) and what is allowed.
 */
MUST_CHECK int opt_value_store(
	const struct opt *o, void *object, struct slice text, struct buf *why);
/* Frees what the field owns; secrets are wiped first. */
void opt_value_free(const struct opt *o, void *object);
bool opt_value_is_equal(const struct opt *o, const void *a, const void *b);
/* Whether the field has anything at all: text that was not given has not, nor has a port 0. */
bool opt_value_is_set(const struct opt *o, const void *object);
/* For humans, in the form that could be given again; secrets are masked. */
void opt_value_print(const struct opt *o, const void *object, struct buf *out);
/* The number in an unsigned field of the option's size, or an enum's or bool's value. */
uint64_t opt_value_number(const struct opt *o, const void *object);
/* NULL when not set. Not for lists. */
const char *opt_value_text(const struct opt *o, const void *object);
/* NULL when not set, otherwise NULL-terminated. For lists only. */
char **opt_value_list(const struct opt *o, const void *object);
/* Whether the value is a number for people: ports, counts, sizes, times. */
bool opt_value_is_number(const struct opt *o);
/* Wipes and frees a text that may be a secret. */
void opt_value_wipe(char **text);

#endif
