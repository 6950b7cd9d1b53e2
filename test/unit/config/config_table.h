/* A small option table that has every type, and the struct it fills, for the tests of config/. */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka wants those above first. */
#include <cmocka.h>

#include "config/opt_set.h"

enum table_colour { TABLE_RED, TABLE_GREEN };

struct table_values {
	bool loud;
	bool strict;
	uint16_t port;
	unsigned count;
	uint32_t size;
	uint64_t wait_ms;
	uint64_t age_s;
	char *title;
	char *path;
	char *address;
	char *host;
	char *url;
	char *secret;
	char **names;
	enum table_colour colour;
};

extern const struct opt_table config_table;

const struct opt *table_opt(const char *name);
/* What a buffer holds, as a string that lives until the next call. */
const char *table_text(const struct buf *b);

#endif
