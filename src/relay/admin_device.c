/* Names of members and errors are those of RFC 8628; the bodies are JSON both ways. */
#include "relay/admin_device.h"

#include "base/mem.h"
#include "relay/admin_devices.h"
#include "relay/admin_json.h"
#include "relay/login_page.h"

static bool admin_device_is_possible(const struct admin_context *c, struct admin_reply *reply)
{
	if (c->devices)
		return true;
	admin_refuse(reply, API_ERROR_RELAY_NOT_RUNNING, "No relay runs on this store.");
	return false;
}

static bool admin_device_read(const struct admin_request *q, const struct admin_json_member *member,
	void *into, struct admin_reply *reply)
{
	const struct admin_json_shape shape = {member, 1};

	return admin_body_read(q, &shape, into, NULL, reply);
}

void admin_device_start(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	static const struct admin_json_member host = {"host", ADMIN_JSON_TEXT, 0,
		offsetof(struct admin_device, host), ADMIN_DEVICES_HOST_MAX + 1, 0,
		ADMIN_DEVICES_HOST_MAX};
	char code[ADMIN_DEVICES_CODE_LEN + 1];
	struct admin_device device = {0};
	struct buf *out = &reply->body, uri = {0};

	if (!admin_device_is_possible(c, reply) || !admin_device_read(q, &host, &device, reply))
		return;
	slice_to_str(q->address, device.address, sizeof(device.address));
	if (admin_devices_begin(c->devices, q->now_ms, &device, code) != 0) {
		admin_refuse(reply, API_ERROR_TOO_MANY_LOGINS,
			"Too many logins are under way; finish one, or try again in some minutes.");
		return;
	}
	buf_append_slice(&uri, q->base_url);
	buf_append_str(&uri, LOGIN_PATH);
	admin_json_begin(out, NULL, '{');
	admin_json_put_text(out, "device_code", slice_from_str(code));
	admin_json_put_text(out, "user_code", slice_from_str(device.user_code));
	admin_json_put_text(out, "verification_uri", buf_slice(&uri));
	buf_append_str(&uri, "?code=");
	buf_append_str(&uri, device.user_code);
	admin_json_put_text(out, "verification_uri_complete", buf_slice(&uri));
	admin_json_put_number(out, "expires_in", ADMIN_DEVICES_TTL_MS / 1000);
	admin_json_put_number(out, "interval", ADMIN_DEVICES_INTERVAL_S);
	admin_json_end(out, '}');
	admin_answer(reply, 200);
	buf_release(&uri);
}

static void admin_device_give(const struct admin_context *c, char *key, struct admin_reply *reply)
{
	struct buf *out = &reply->body;
	struct slice text = slice_from_str(key), id;
	struct key k = {0};
	struct account a = {0};

	if (api_key_parse(text, &id) && book_find_key(c->book, id, &k))
		book_find_account(c->book, k.account_id, &a);
	admin_json_begin(out, NULL, '{');
	admin_json_put_text(out, "key", text);
	admin_json_put_text(out, "id", slice_from_str(k.id));
	admin_json_put_text(out, "account", slice_from_str(a.name));
	admin_json_end(out, '}');
	admin_answer(reply, 200);
	mem_wipe(key, API_KEY_TEXT_LEN);
}

void admin_device_token(
	struct admin_context *c, const struct admin_request *q, struct admin_reply *reply)
{
	static const struct admin_json_member member = {"device_code", ADMIN_JSON_TEXT,
		ADMIN_JSON_REQUIRED | ADMIN_JSON_SECRET, 0, 129, 1, 128};
	char code[129] = "", key[API_KEY_TEXT_LEN + 1];
	unsigned interval_s;

	if (!admin_device_is_possible(c, reply) || !admin_device_read(q, &member, code, reply))
		return;
	switch (admin_devices_poll(c->devices, q->now_ms, slice_from_str(code), key, &interval_s)) {
	case ADMIN_DEVICES_PENDING:
		admin_refuse(reply, API_ERROR_AUTHORIZATION_PENDING,
			"The login is not approved yet; ask again in %u seconds.", interval_s);
		break;
	case ADMIN_DEVICES_SLOW_DOWN:
		admin_refuse(reply, API_ERROR_SLOW_DOWN,
			"Asked too soon; ask again in %u seconds, and not more often from now on.",
			interval_s);
		break;
	case ADMIN_DEVICES_EXPIRED:
		admin_refuse(reply, API_ERROR_EXPIRED_TOKEN, "The login is over; begin a new one.");
		break;
	case ADMIN_DEVICES_DENIED:
		admin_refuse(reply, API_ERROR_ACCESS_DENIED,
			"The login was denied on the relay's page.");
		break;
	case ADMIN_DEVICES_APPROVED:
		admin_device_give(c, key, reply);
		break;
	}
}
