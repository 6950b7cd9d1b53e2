/*
 * What was said about each option, layer by layer, before anybody looked at the values. A reader
 * (command line, environment, files) puts texts in; opt_set_apply turns the highest layer of each
 * option into a value and remembers where it came from. Every layer's text is checked, also those
 * that a higher one covers: a mistake must not wait for the day the cover goes away.
 */
#ifndef CONFIG_OPT_SET_H
#define CONFIG_OPT_SET_H

#include "config/opt.h"

/* Lowest first. */
enum opt_layer {
	OPT_LAYER_DEFAULT,
	OPT_LAYER_FILE,
	OPT_LAYER_DOTENV,
	OPT_LAYER_DOTENV_LOCAL,
	OPT_LAYER_ENV,
	OPT_LAYER_FLAG,
	OPT_LAYER_COUNT
};

struct opt_source {
	char *text; /* owned; NULL: nothing was said */
	char *where; /* owned; "--port", "LT_PORT in the environment", ".env:3: LT_PORT" */
};

struct opt_origin {
	enum opt_layer layer;
	char *where; /* owned; NULL for defaults */
};

/* Where readers write: one sentence that says why they gave up, and a line for each oddity. */
struct opt_report {
	struct buf *message; /* borrowed */
	struct buf *warnings; /* borrowed */
};

struct opt_set {
	const struct opt_table *table; /* borrowed */
	struct opt_source *sources; /* owned; OPT_LAYER_COUNT for each option */
};

/* One word for machines: default, file, .env, .env.local, environment, flag. */
const char *opt_layer_name(enum opt_layer layer);

void opt_set_init(struct opt_set *set, const struct opt_table *table);
/* Texts are wiped: any of them may be a secret. */
void opt_set_deinit(struct opt_set *set);
bool opt_set_has(const struct opt_set *set, const struct opt *o, enum opt_layer layer);
/* Replaces what the layer said before. Blanks around the text are dropped, except in secrets. */
void opt_set_put(struct opt_set *set, const struct opt *o, enum opt_layer layer, struct slice text,
	struct slice where);
/* The text of the highest layer that has one and the layer, or NULL. */
const char *opt_set_get(const struct opt_set *set, const struct opt *o, enum opt_layer *layer_out);
/*
 * Fills the object, which must be all zero at first, and an array of one origin for each option,
 * owned by the caller and freed by opt_origins_free. On error the message is "where: sentence".
 */
MUST_CHECK int opt_set_apply(struct opt_set *set, void *object, struct opt_origin *origins,
	const struct opt_report *report);
void opt_origins_free(struct opt_origin **origins, size_t count);
/* Frees what all fields of the object own. */
void opt_set_free_values(const struct opt_table *table, void *object);

#endif
