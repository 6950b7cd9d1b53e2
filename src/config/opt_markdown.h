/* The options of a table as Markdown, one table for each group. */
#ifndef CONFIG_OPT_MARKDOWN_H
#define CONFIG_OPT_MARKDOWN_H

#include "config/opt.h"

void opt_markdown_print(const struct opt_table *table, struct buf *out);

#endif
