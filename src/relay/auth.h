/*
 * Who asks: somebody with a key of an account, with a signature, or anybody; and what a key may.
 * Asks the book and the HMAC secret, never the database. Any worker calls it for its own requests.
 */
#ifndef RELAY_AUTH_H
#define RELAY_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/num.h"
#include "base/slice.h"
#include "relay/api_error.h"
#include "relay/gate_sources.h"
#include "relay/identity.h"
#include "store/book.h"

struct http_head;
struct worker;

/* What a request has of a key. */
enum auth_key {
	AUTH_KEY_NONE, /* nothing was sent */
	AUTH_KEY_GOOD,
	AUTH_KEY_UNKNOWN,
	AUTH_KEY_REVOKED,
	AUTH_KEY_EXPIRED,
	AUTH_KEY_DISABLED, /* its account is */
};

/* Who asks. */
struct auth {
	bool keyed; /* with a good key */
	struct book_grant grant; /* then */
	char account[NUM_TEXT_MAX]; /* then: its id, the text of the identity */
};

struct auth_request {
	const struct http_head *head;
	struct slice target; /* path and query */
	struct slice body;
	bool is_signed; /* in and out: its signature was checked, and may not be again */
};

/* Why not. */
struct auth_refusal {
	enum api_error error;
	bool busy; /* 503: too many signatures to remember; the error means nothing */
	const char *www_authenticate;
	struct buf sentence; /* released by the caller */
};

/* Reads a key from Authorization: Bearer, or from X-Adit-Key. *out is filled when it is good. */
enum auth_key auth_read_key(const struct worker *w, const struct http_head *head, uint64_t now_ms,
	struct book_grant *out);
/* The refusal of a key that is not good; one sentence for people. */
enum api_error auth_key_error(enum auth_key key);
const char *auth_key_sentence(enum auth_key key);

/*
 * Whether the request may open tunnels, as --auth and the HMAC secret have it: a good key stands
 * in for a signature, a signature for a key unless one is required. False: refused, counted, and
 * the refusal is filled.
 */
bool auth_check(
	struct worker *w, struct auth_request *r, struct auth *out, struct auth_refusal *refusal);
/* The key of before, once more: whether it still holds. Fills the grant anew if so. */
enum auth_key auth_check_again(const struct worker *w, struct book_grant *grant);

/* Who owns what is opened: the account, else what the request says otherwise. */
struct identity auth_identity(const struct auth *auth, struct identity otherwise);

/* Whether a name is kept for somebody. */
enum auth_name { AUTH_NAME_OPEN, AUTH_NAME_OURS, AUTH_NAME_THEIRS };
enum auth_name auth_name_of(const struct worker *w, struct slice name, struct identity who);

/* In whose holdings a tunnel counts: those of the account, else of the asker's source. */
#define AUTH_HOLDER_MAX (2 * GATE_SOURCE_TEXT_MAX + 2)
struct slice auth_holder(
	const struct book_grant *grant, struct slice source, char out[AUTH_HOLDER_MAX]);
/* How many tunnels such a one may have in use. */
uint64_t auth_tunnels_max(const struct worker *w, const struct book_grant *grant);
/* And how many with a password. */
uint64_t auth_passwords_max(const struct worker *w, const struct book_grant *grant);

/* What the scope of a key lets it have. A NULL grant is nobody's key, and may have all. */
bool auth_may_name(const struct book_grant *grant, struct slice name);
bool auth_may_http(const struct book_grant *grant);
bool auth_may_tcp(const struct book_grant *grant);
bool auth_may_port(const struct book_grant *grant, uint16_t port);

#endif
