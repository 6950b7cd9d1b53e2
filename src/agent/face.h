/*
 * How the agent shows itself: a status screen, plain lines, or JSON. A face gets every report, and
 * nothing else; it writes to standard output and never waits for its reader.
 */
#ifndef AGENT_FACE_H
#define AGENT_FACE_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct report;

struct face {
	const struct face_ops *ops;
};

struct face_ops {
	void (*report)(struct face *f, const struct report *r);
	/* The agent stops in order: what still runs may finish. */
	void (*stopping)(struct face *f);
	/* Shows the last of it, and frees. */
	void (*free)(struct face *f);
};

struct face_conf {
	bool quiet; /* nothing about single requests */
	bool colour;
};

static inline void face_report(struct face *f, const struct report *r)
{
	f->ops->report(f, r);
}

static inline void face_stopping(struct face *f)
{
	f->ops->stopping(f);
}

static inline void face_free(struct face **f)
{
	if (*f)
		(*f)->ops->free(*f);
	*f = NULL;
}

#endif
