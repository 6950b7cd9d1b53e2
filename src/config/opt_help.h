/* The options of a table as text for a terminal: groups, wrapped sentences, defaults, names. */
#ifndef CONFIG_OPT_HELP_H
#define CONFIG_OPT_HELP_H

#include "config/opt.h"

/* Options without effect are left out. Lines are at most width long where words allow it. */
void opt_help_print(const struct opt_table *table, unsigned width, bool colour, struct buf *out);
/* The default as it would be shown, or nothing when there is none. */
void opt_help_print_default(const struct opt *o, struct buf *out);
/* A bold heading with its line end. */
void opt_help_print_heading(const char *text, bool colour, struct buf *out);

#endif
