/* What each of aditd's commands about accounts works with: its words, its options, its way. */
#ifndef RELAY_OFFICE_DESK_H
#define RELAY_OFFICE_DESK_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "relay/office_options.h"
#include "relay/office_reach.h"

struct office_command;
struct office_table;

struct office_desk {
	const struct office_command *command; /* borrowed */
	const char *const *words; /* borrowed; behind the command */
	unsigned word_count;
	struct office_values values; /* borrowed */
	struct office_reach *reach; /* borrowed */
	bool json;
	bool colour; /* standard output is a terminal */
};

/* 0, or 1 after the reason was printed: the exit status. */
typedef int (*office_run_fn)(struct office_desk *d);

/* Prints a line to standard error, with "aditd: " in front. */
void office_desk_complain(const char *format, ...) PRINTF_LIKE(1, 2);
/* Prints a line for people to standard error. */
void office_desk_say(const char *format, ...) PRINTF_LIKE(1, 2);
/* Asks; whatever is not 2xx is printed, and false. The caller ends the answer. */
MUST_CHECK bool office_desk_ask(struct office_desk *d, enum http_method method, struct slice target,
	const struct buf *body, struct office_answer *answer_out);
/* The same when the answer is of no more interest. */
MUST_CHECK bool office_desk_do(struct office_desk *d, enum http_method method, struct slice target,
	const struct buf *body);
/* Appends a word as one segment of a path, or as a value of a query. */
void office_desk_escape(struct buf *target, const char *word);
/* Prints all pages of a list as a table, or as JSON. */
struct office_listing {
	const char *path;
	const char *user; /* whose; NULL: everybody's */
	const struct office_table *table;
	const char *nothing; /* said when it is empty */
	uint64_t limit; /* 0: all of it */
};
int office_desk_list(struct office_desk *d, const struct office_listing *listing);

#endif
