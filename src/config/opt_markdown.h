/* The options of a table as Markdown, one table for each group. */
#ifndef CONFIG_OPT_MARKDOWN_H
#define CONFIG_OPT_MARKDOWN_H

#include "config/opt.h"

/* What differs between programs. */
struct opt_markdown_style {
	bool has_reload; /* a column says whether a reload is enough to change an option */
	const char *no_file; /* a sentence about options that do not stand in the YAML file */
};

void opt_markdown_print(
	const struct opt_table *table, const struct opt_markdown_style *style, struct buf *out);

#endif
