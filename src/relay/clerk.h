/*
 * What a worker has written down without waiting for it: names and ports that shall come back,
 * logins, refused keys. When the store cannot, tunnels go on all the same; the store says so in the
 * log, and what was not written is asked for again the next time.
 */
#ifndef RELAY_CLERK_H
#define RELAY_CLERK_H

#include <stdint.h>

#include "base/slice.h"

struct book_grant;
struct worker;

#define CLERK_NAMES_MAX 16u /* random names that one key gets back */
#define CLERK_USED_MS 3600000u /* how exactly it is known when a key was used last */

/* The random name is this key's from now on, unless it has as many as it may. */
void clerk_give_name(struct worker *w, const struct book_grant *grant, struct slice name);
/* The port that the name has now. */
void clerk_keep_port(struct worker *w, struct slice name, uint16_t port);
/* The key was used. */
void clerk_note_use(struct worker *w, const struct book_grant *grant);
/* A row of the audit log about who was refused; the caller limits how many there are. */
void clerk_note_refusal(struct worker *w, struct slice client, const char *code);

#endif
