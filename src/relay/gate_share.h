/*
 * Links that open a tunnel with a password without it: https://.../path?adit_share=TOKEN. A token
 * is sealed, so that nobody but this relay makes one; it ends at its time, when it was used so
 * often, or when the password changes. Uses are counted here, on the tunnel's home.
 */
#ifndef RELAY_GATE_SHARE_H
#define RELAY_GATE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define GATE_SHARE_PARAMETER "adit_share"
#define GATE_SHARES_MAX 1024u /* links of one tunnel whose views are counted */
#define GATE_SHARE_VIEWS_MAX 1000000u
#define GATE_SHARE_LIFE_MAX_S 31536000u
#define GATE_SHARE_TOKEN_MAX 128u

struct gate_shares;
struct tunnel;

enum gate_share_answer {
	GATE_SHARE_GOOD,
	GATE_SHARE_WRONG, /* not made here, or the password has changed since */
	GATE_SHARE_EXPIRED,
	GATE_SHARE_USED_UP,
};

/* The uses of one tunnel's links. */
struct gate_shares *gate_shares_new(void);
void gate_shares_free(struct gate_shares **s);

/*
 * Makes a token for a tunnel that has a password, on its home. Views: how often it opens, 0 for as
 * often as one likes.
 */
void gate_share_make(struct tunnel *t, uint64_t expires_s, unsigned views, struct buf *token_out);
/* Uses a token once; *expires_s_out is set when it is good. */
enum gate_share_answer gate_share_use(
	struct tunnel *t, struct slice token, uint64_t *expires_s_out);
/* What became of it, as a sentence for the visitor. */
const char *gate_share_text(enum gate_share_answer answer);

/* The token that a path with its query has, the first one. Pure. */
bool gate_share_find(struct slice path, struct slice *token_out);
/* Appends the path without any such parameter; pure. */
void gate_share_strip(struct slice path, struct buf *out);

#endif
