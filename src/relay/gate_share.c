/* "VIEWS-SEAL": the views are signed with the rest, so nobody gives a link more of them. */
#include "relay/gate_share.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/num.h"
#include "crypto/seal.h"
#include "io/loop.h"
#include "relay/gate_password.h"
#include "relay/tunnel.h"
#include "relay/tunnel_gate.h"
#include "relay/worker.h"

struct gate_share {
	char nonce[SEAL_NONCE_LEN];
	uint64_t expires_s;
	unsigned used;
};

struct gate_shares {
	struct gate_share *list; /* owned */
	size_t count;
};

struct gate_shares *gate_shares_new(void)
{
	return MEM_NEW(struct gate_shares);
}

void gate_shares_free(struct gate_shares **s)
{
	if (!*s)
		return;
	mem_free((*s)->list);
	mem_free(*s);
	*s = NULL;
}

/* What a token is about. The parts live in the caller. */
static struct seal_about gate_share_about(
	const struct tunnel *t, struct slice views, struct slice parts[4])
{
	parts[0] = SLICE("adit share");
	parts[1] = tunnel_name(t);
	parts[2] = gate_password_hash(t->gate->password);
	parts[3] = views;
	return (struct seal_about) {parts, 4};
}

void gate_share_make(struct tunnel *t, uint64_t expires_s, unsigned views, struct buf *token_out)
{
	char number[NUM_TEXT_MAX], text[SEAL_TEXT_LEN + 1];
	struct slice digits = slice_of(number, num_print_u64(views, number)), parts[4];

	CHECK(t->gate && t->gate->password && views <= GATE_SHARE_VIEWS_MAX);
	seal_make(t->worker->seal, gate_share_about(t, digits, parts), expires_s, text);
	buf_append_slice(token_out, digits);
	buf_append_char(token_out, '-');
	buf_append_str(token_out, text);
}

/* ---- views ---- */

static void gate_shares_forget_expired(struct gate_shares *s, uint64_t now_s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (s->list[i].expires_s > now_s)
			s->list[kept++] = s->list[i];
	}
	s->count = kept;
}

static struct gate_share *gate_shares_find(struct gate_shares *s, struct slice nonce)
{
	for (size_t i = 0; i < s->count; i++) {
		if (slice_eq(slice_of(s->list[i].nonce, SEAL_NONCE_LEN), nonce))
			return &s->list[i];
	}
	return NULL;
}

/* NULL when as many links as may be are counted already. */
static struct gate_share *gate_shares_get(struct gate_shares *s, struct slice token, uint64_t now_s)
{
	struct gate_share *share = gate_shares_find(s, seal_nonce(token));

	if (share)
		return share;
	gate_shares_forget_expired(s, now_s);
	if (s->count == GATE_SHARES_MAX)
		return NULL;
	s->list = mem_grow(s->list, (s->count + 1) * sizeof(*s->list));
	share = &s->list[s->count++];
	*share = (struct gate_share) {.expires_s = seal_expires(token)};
	memcpy(share->nonce, seal_nonce(token).ptr, SEAL_NONCE_LEN);
	return share;
}

static enum gate_share_answer gate_share_view(
	struct tunnel *t, struct slice seal, uint64_t views, uint64_t now_s)
{
	struct gate_share *share;

	if (!views)
		return GATE_SHARE_GOOD;
	if (!t->gate->shares)
		t->gate->shares = gate_shares_new();
	share = gate_shares_get(t->gate->shares, seal, now_s);
	if (!share || share->used >= views)
		return GATE_SHARE_USED_UP;
	share->used++;
	return GATE_SHARE_GOOD;
}

enum gate_share_answer gate_share_use(struct tunnel *t, struct slice token, uint64_t *expires_s_out)
{
	struct slice views = slice_first(token, slice_find(token, '-'));
	struct slice seal = slice_from(token, views.len + 1), parts[4];
	uint64_t now_s = loop_wall_ms() / 1000, count;

	if (num_parse_u64(views, &count) != 0)
		return GATE_SHARE_WRONG;
	switch (seal_check(t->worker->seal, gate_share_about(t, views, parts), seal, now_s)) {
	case SEAL_GOOD:
		break;
	case SEAL_EXPIRED:
		return GATE_SHARE_EXPIRED;
	case SEAL_BAD:
		return GATE_SHARE_WRONG;
	}
	*expires_s_out = seal_expires(seal);
	return gate_share_view(t, seal, count, now_s);
}

const char *gate_share_text(enum gate_share_answer answer)
{
	switch (answer) {
	case GATE_SHARE_GOOD:
		return "The link is good.";
	case GATE_SHARE_WRONG:
		return "The link is not whole, or the tunnel's password has changed since it was "
		       "made.";
	case GATE_SHARE_EXPIRED:
		return "The link's time is over.";
	case GATE_SHARE_USED_UP:
		return "The link was opened as often as it may be.";
	}
	UNREACHABLE();
}

/* ---- paths ---- */

static bool gate_share_is_parameter(struct slice part, struct slice *value_out)
{
	static const struct slice name = {GATE_SHARE_PARAMETER "=", sizeof(GATE_SHARE_PARAMETER)};

	if (!slice_starts(part, name))
		return false;
	*value_out = slice_from(part, name.len);
	return true;
}

bool gate_share_find(struct slice path, struct slice *token_out)
{
	struct slice rest = slice_from(path, slice_find(path, '?') + 1), part;

	while (slice_split(&rest, '&', &part)) {
		if (gate_share_is_parameter(part, token_out))
			return true;
	}
	return false;
}

void gate_share_strip(struct slice path, struct buf *out)
{
	struct slice rest = slice_from(path, slice_find(path, '?') + 1), part, token;
	char before = '?';

	buf_append_slice(out, slice_first(path, slice_find(path, '?')));
	if (slice_find(path, '?') == path.len)
		return;
	while (slice_split(&rest, '&', &part)) {
		if (gate_share_is_parameter(part, &token))
			continue;
		buf_append_char(out, before);
		buf_append_slice(out, part);
		before = '&';
	}
}
