/*
 * The pull parser of .env files, one assignment at a time:
 *
 *     # comment
 *     export KEY=plain value   # a comment needs a blank in front of it
 *     KEY='as it stands'  KEY="with \n \r \t \" \\"  KEY=`as it stands`
 *
 * Quoted values may go over several lines. Pure; the text stays the caller's.
 */
#ifndef CONFIG_DOTENV_H
#define CONFIG_DOTENV_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

struct dotenv {
	struct slice rest; /* borrowed */
	unsigned line; /* of the next line to read, from 1 */
	struct buf scratch; /* owned; an unescaped value */
};

struct dotenv_entry {
	struct slice key; /* empty when the line is no assignment */
	struct slice value; /* borrowed until the next call */
	unsigned line;
	const char *fault; /* a sentence when the value cannot be read, or NULL */
};

void dotenv_init(struct dotenv *d, struct slice text);
/* Wipes what it unescaped. */
void dotenv_deinit(struct dotenv *d);
/* False at the end. Comments and empty lines are passed over; after a fault the next line goes
 * on. */
bool dotenv_next(struct dotenv *d, struct dotenv_entry *entry_out);

#endif
