/* Fields as text, each with its line end. Nothing that was not checked gets into one. */
#include "agent/handshake.h"

#include "base/attr.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/num.h"
#include "crypto/digest.h"
#include "crypto/request_mac.h"
#include "wire/control.h"

#define HANDSHAKE_FIELDS_ROOM 2048u

static bool handshake_is_id(struct slice id)
{
	return id.len && id.len <= HANDSHAKE_SESSION_MAX && slice_is_token(id);
}

bool handshake_ticket_init(struct handshake_ticket *t, const char *session, const char *secret)
{
	struct slice id = slice_from_str(session);

	*t = (struct handshake_ticket) {0};
	if (!handshake_is_id(id))
		return false;
	slice_to_str(id, t->session, sizeof(t->session));
	return digest_unhex(slice_from_str(secret), t->secret, sizeof(t->secret));
}

void handshake_ticket_wipe(struct handshake_ticket *t)
{
	mem_wipe(t, sizeof(*t));
}

void handshake_sign(struct buf *fields, const char *secret, uint64_t wall_ms, uint32_t older_ms)
{
	char timestamp[NUM_TEXT_MAX], nonce[NUM_TEXT_MAX];
	const struct request_mac request = {
		.method = SLICE("GET"),
		.path = SLICE("/_adit/session"),
		.timestamp = slice_of(timestamp, num_print_u64(wall_ms / 1000, timestamp)),
		.nonce = slice_of(nonce, num_print_u64(wall_ms - older_ms, nonce)),
	};
	uint8_t mac[DIGEST_SHA256_LEN];
	char hex[2 * DIGEST_SHA256_LEN + 1];

	request_mac_make(slice_from_str(secret), &request, mac);
	digest_hex(mac, sizeof(mac), hex);
	buf_printf(fields, "Authorization: HMAC sha256=%s\r\nX-Timestamp: %s\r\nX-Nonce: %s\r\n",
		hex, timestamp, nonce);
	mem_wipe(mac, sizeof(mac));
}

void handshake_identify(
	struct buf *fields, const struct handshake_who *who, uint64_t wall_ms, uint32_t older_ms)
{
	buf_reserve(fields, HANDSHAKE_FIELDS_ROOM);
	if (who->hmac_secret)
		handshake_sign(fields, who->hmac_secret, wall_ms, older_ms);
	if (!who->key)
		return;
	CHECK(slice_is_token(slice_from_str(who->key)));
	buf_append_str(fields, who->hmac_secret ? "X-Adit-Key: " : "Authorization: Bearer ");
	buf_append_str(fields, who->key);
	buf_append_str(fields, "\r\n");
}

void handshake_beside(struct buf *fields, const char *session)
{
	CHECK(handshake_is_id(slice_from_str(session)));
	buf_printf(fields, "Adit-Beside: %s\r\n", session);
}

void handshake_tunnel(struct buf *fields, const struct control *wish)
{
	struct slice name = slice_from_str(wish->subdomain);

	if (wish->proto == CONTROL_TCP && wish->port)
		buf_printf(fields, "Adit-Tunnel: tcp:%u\r\n", wish->port);
	else if (wish->proto == CONTROL_HTTP && handshake_is_id(name)) /* nobody has another one */
		buf_printf(fields, "Adit-Tunnel: %.*s\r\n", SLICE_ARG(name));
}

void handshake_resume(struct buf *fields, struct handshake_ticket *t, uint64_t received)
{
	struct resume_proof proof = {
		.side = RESUME_PROOF_AGENT,
		.session = slice_from_str(t->session),
		.epoch = ++t->epoch,
		.received = received,
	};
	char text[RESUME_PROOF_TEXT_LEN + 1];

	resume_proof_make(t->secret, &proof, text);
	buf_printf(fields, "Adit-Session: %s\r\nAdit-Epoch: ", t->session);
	buf_append_u64(fields, proof.epoch);
	buf_append_str(fields, "\r\nAdit-Received: ");
	buf_append_u64(fields, received);
	buf_printf(fields, "\r\nAdit-Proof: %s\r\nAdit-Afresh: 1\r\n", text);
}

bool handshake_is_proven(
	const struct handshake_ticket *t, uint64_t peer_received, struct slice proof)
{
	struct resume_proof expected = {
		.side = RESUME_PROOF_RELAY,
		.session = slice_from_str(t->session),
		.epoch = t->epoch,
		.received = peer_received,
	};

	return resume_proof_check(t->secret, &expected, proof);
}
