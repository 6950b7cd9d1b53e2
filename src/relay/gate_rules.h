/*
 * From where visitors of a tunnel may come. Networks that are denied never may; when some are
 * allowed, only those may. An address that cannot be read may not, whatever the rules say. Pure.
 */
#ifndef RELAY_GATE_RULES_H
#define RELAY_GATE_RULES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

#define GATE_RULES_MAX 64u /* networks in each list */

struct gate_rules;

/*
 * The lists are networks parted by blanks, or NULL. *out is NULL when both are empty. On an error
 * why has a sentence that quotes what is none.
 */
MUST_CHECK int gate_rules_new(
	const char *allow, const char *deny, struct gate_rules **out, struct buf *why);
void gate_rules_free(struct gate_rules **r);
bool gate_rules_let(const struct gate_rules *r, struct slice address);
/* Either may be NULL. */
bool gate_rules_eq(const struct gate_rules *a, const struct gate_rules *b);
/* Canonical texts with blanks between them. */
void gate_rules_print_allow(const struct gate_rules *r, struct buf *out);
void gate_rules_print_deny(const struct gate_rules *r, struct buf *out);

#endif
