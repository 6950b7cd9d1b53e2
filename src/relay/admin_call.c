/* Routing, hashing, handling. */
#include "relay/admin_call.h"

#include "base/mem.h"
#include "crypto/rand.h"
#include "relay/admin_json.h"

bool admin_call_digest(const struct admin_route *route, const struct admin_request *q,
	struct password_digest *digest_out)
{
	struct admin_json *body;
	struct slice password;

	if (!(route->flags & ADMIN_HASHES) || !(body = admin_json_parse(q->body)))
		return false;
	password = admin_json_text(admin_json_get(body, "password"));
	if (password.len)
		password_digest(password, digest_out);
	admin_json_free(&body);
	return password.len > 0;
}

void admin_call_hash(
	const struct password_digest *digest, unsigned cost, char hash_out[PASSWORD_HASH_LEN + 1])
{
	uint8_t salt[PASSWORD_SALT_LEN];

	rand_bytes(salt, sizeof(salt));
	if (password_hash(digest, cost, salt, hash_out) != 0)
		hash_out[0] = '\0';
}

void admin_call(
	struct admin_context *c, struct admin_request *q, unsigned cost, struct admin_reply *reply)
{
	const struct admin_route *route = admin_route_find(q, reply);
	char hash[PASSWORD_HASH_LEN + 1];
	struct password_digest digest;

	if (!route)
		return;
	if (admin_call_digest(route, q, &digest)) {
		admin_call_hash(&digest, cost, hash);
		mem_wipe(&digest, sizeof(digest));
		q->password_hash = hash;
	}
	route->handle(c, q, reply);
	q->password_hash = NULL;
}
