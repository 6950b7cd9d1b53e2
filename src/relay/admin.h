/*
 * A request to the admin API and its answer, without HTTP around them: who asks, for what, and
 * what comes of it. The same request comes from a visitor's connection, over the admin socket, or
 * from the command line without a running relay.
 */
#ifndef RELAY_ADMIN_H
#define RELAY_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"
#include "proto/http_head.h"
#include "relay/api_error.h"
#include "store/book.h"

struct account;
struct admin_devices;
struct admin_json_shape;
struct db;
struct plans;
struct relay_shared;

#define ADMIN_PREFIX "/api/v1"
#define ADMIN_PARAM_MAX 128u
#define ADMIN_ADDRESS_LOCAL "local" /* whoever uses the admin socket */
#define ADMIN_PAGE_MAX 1000u /* items of a list in one answer */
#define ADMIN_PAGE_DEFAULT 100u
#define ADMIN_ALLOW_MAX 32u
#define ADMIN_PASSWORD_MIN 8u /* bytes; of accounts */
#define ADMIN_PASSWORD_MAX 128u

struct admin_who {
	bool is_operator; /* at the admin socket, or at the store itself */
	bool admin; /* sees and changes everything */
	struct book_grant grant; /* of the key; all zero for the operator, and for nobody */
};

/* Slices are borrowed for the call. */
struct admin_request {
	enum http_method method;
	struct slice path; /* behind ADMIN_PREFIX, with its slash */
	struct slice query;
	struct slice body;
	struct slice address; /* of who asks */
	struct slice host; /* by which the relay was reached; may be empty */
	struct slice base_url; /* where the relay's own pages are */
	struct slice reserved; /* names that are never given out, parted by blanks */
	const char *password_hash; /* of the body's password, made beforehand; NULL: it has none */
	uint64_t name_limit; /* names that the account in question may reserve */
	bool plan_is_unknown; /* the body names a plan that there is not */
	struct admin_who who;
	uint64_t now_ms; /* wall time */
	char param[ADMIN_PARAM_MAX + 1]; /* what stood for the {part} of the path, decoded */
};

/* The body is JSON. */
struct admin_reply {
	unsigned status;
	const char *code; /* X-Adit-Error, or NULL */
	char allow[ADMIN_ALLOW_MAX]; /* the methods, with 405 */
	unsigned retry_after_s; /* 0: none */
	struct buf body;
};

/* What handlers work on. */
struct admin_context {
	struct db *db; /* NULL in handlers that need none */
	struct book *book;
	struct relay_shared *shared; /* NULL: no relay runs */
	struct admin_devices *devices; /* NULL: no relay runs */
	const struct plans *plans; /* in handlers that run where the options may be looked at */
};

typedef void (*admin_handler_fn)(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply);

/* {"error": {"code": ..., "message": ...}} with the code's status. */
void admin_refuse(struct admin_reply *reply, enum api_error error, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* The same for what the store says about a change. */
void admin_refuse_store(struct admin_reply *reply, int err, const char *why);
/* 405, with the methods that reply->allow has. */
void admin_refuse_method(struct admin_reply *reply);
/* 413. */
void admin_refuse_size(struct admin_reply *reply, const char *sentence);
/* 204, without a body. */
void admin_done(struct admin_reply *reply);
/* The object that the body holds so far, with this status. */
void admin_answer(struct admin_reply *reply, unsigned status);

/* The decoded value of a query's parameter; ERR_NOT_FOUND, or ERR_SYNTAX when it is odd. */
MUST_CHECK int admin_query_text(struct slice query, const char *name, char *out, size_t size);

/* A page of a list: what ?limit= and ?after= say. */
struct admin_page {
	uint64_t limit;
	char after[ADMIN_PARAM_MAX + 1]; /* "": from the start */
};
/* False: refused already. */
MUST_CHECK bool admin_page_of(
	const struct admin_request *q, struct admin_page *page_out, struct admin_reply *reply);

/* Whether it may be an account's name: 1 to 64 of [a-z0-9._@+-], a letter or digit in front. */
bool admin_is_account(struct slice name);
/* What ?account= says, or nothing. False: refused already. */
MUST_CHECK bool admin_query_account(
	const struct admin_request *q, char *out, size_t size, struct admin_reply *reply);

/* Whether a password that is asked for has its hash. False: refused already. */
MUST_CHECK bool admin_has_hash(
	const struct admin_request *q, const char *password, struct admin_reply *reply);

/* Reads the body as admin_json_read does; given_out may be NULL. False: refused already. */
MUST_CHECK bool admin_body_read(const struct admin_request *q, const struct admin_json_shape *shape,
	void *into, uint32_t *given_out, struct admin_reply *reply);

/* "operator", or the account and the key: for the audit log. */
void admin_actor(const struct admin_who *who, char *out, size_t size);

#endif
