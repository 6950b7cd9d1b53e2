/*
 * What the store remembers, as plain values: accounts, their keys and names, the audit log, usage.
 * A record owns nothing but an audit's detail, and is copied by assignment. Times are UTC
 * milliseconds since 1970; 0 is never.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#define RECORD_ACCOUNT_MAX 64 /* characters of an account's name */
#define RECORD_PLAN_MAX 32
#define RECORD_PASSWORD_HASH_MAX 128
#define RECORD_KEY_ID_LEN 12
#define RECORD_KEY_HASH_LEN 32
#define RECORD_LABEL_MAX 64
#define RECORD_SCOPE_NAMES_MAX 256
#define RECORD_NAME_MAX 63

struct account {
	uint64_t id; /* 0: not stored yet */
	char name[RECORD_ACCOUNT_MAX + 1];
	char plan[RECORD_PLAN_MAX + 1]; /* "": the default plan */
	char password_hash[RECORD_PASSWORD_HASH_MAX + 1]; /* "": none; of the relay's own pages */
	bool disabled;
	uint64_t created_ms;
};

/* What a key may. */
struct key_scope {
	char names[RECORD_SCOPE_NAMES_MAX + 1]; /* patterns with *, parted by blanks; "": any */
	bool http;
	bool tcp;
	bool admin; /* all of /api/v1 */
	uint16_t port_first; /* of TCP tunnels; 0 and 0: any */
	uint16_t port_last;
};

struct key {
	char id[RECORD_KEY_ID_LEN + 1];
	uint64_t account_id;
	uint8_t hash[RECORD_KEY_HASH_LEN]; /* SHA-256 of the whole text */
	char label[RECORD_LABEL_MAX + 1];
	struct key_scope scope;
	uint64_t created_ms;
	uint64_t expires_ms;
	uint64_t revoked_ms;
	uint64_t used_ms;
};

struct name_record {
	char name[RECORD_NAME_MAX + 1];
	uint64_t account_id;
	/* "": reserved by the account; else the random name of that key, which comes back. */
	char key_id[RECORD_KEY_ID_LEN + 1];
	char password_hash[RECORD_PASSWORD_HASH_MAX + 1]; /* "": none */
	uint64_t created_ms;
};

struct audit {
	uint64_t id;
	uint64_t at_ms;
	char actor[80];
	char event[40];
	char subject[128];
	char address[64];
	char *detail; /* a JSON object, or NULL */
};

struct usage {
	uint64_t account_id;
	char month[8]; /* "2026-11" */
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t requests;
};

#endif
