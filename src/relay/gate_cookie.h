/*
 * The two cookies of a gate, made and checked: a session says that its visitor knew the password
 * of this tunnel, the other one that a form came from our page. Neither is ever sent to another
 * host, because neither has a Domain, nor taken for another tunnel or another password, because
 * their seals are about those.
 */
#ifndef RELAY_GATE_COOKIE_H
#define RELAY_GATE_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "crypto/seal.h"

#define GATE_COOKIE_CSRF_S 43200u /* a page may stay open for half a day before it is used */

struct gate_password;
struct http_head;
struct tunnel;

enum gate_cookie_kind { GATE_COOKIE_SESSION, GATE_COOKIE_CSRF };

/* Whose cookies, and how the visitor came. */
struct gate_cookies {
	struct tunnel *tunnel; /* borrowed; it has a password */
	const struct http_head *head; /* borrowed */
	uint64_t until_s; /* a session made for a link ends with it; 0: as the option says */
	bool secure; /* the visitor's side is https */
};

/* The value of the request's good cookie of that kind, if it has one. */
bool gate_cookie_find(
	const struct gate_cookies *c, enum gate_cookie_kind kind, struct slice *value_out);
/* Whether a value is one that was made here, for this tunnel, and has not expired. */
bool gate_cookie_is_good(
	const struct gate_cookies *c, enum gate_cookie_kind kind, struct slice value);
/* A new value. */
void gate_cookie_make(const struct gate_cookies *c, enum gate_cookie_kind kind,
	char value_out[SEAL_TEXT_LEN + 1]);
/* Appends the value of a Set-Cookie field; an empty value takes the cookie away. */
void gate_cookie_write(struct buf *out, const struct gate_cookies *c, enum gate_cookie_kind kind,
	struct slice value);

#endif
