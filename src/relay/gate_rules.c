/* Lists are short, so they are walked from one end to the other. */
#include "relay/gate_rules.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/opt.h"
#include "proto/cidr.h"

struct gate_networks {
	struct cidr list[GATE_RULES_MAX];
	unsigned count;
};

struct gate_rules {
	struct gate_networks allow;
	struct gate_networks deny;
};

static int gate_networks_read(struct gate_networks *n, const char *text, struct buf *why)
{
	struct slice rest = slice_from_str(text), word;

	while (slice_split(&rest, ' ', &word)) {
		if (!word.len)
			continue;
		if (n->count == GATE_RULES_MAX) {
			buf_printf(
				why, "There are more than %u networks in a list.", GATE_RULES_MAX);
			return ERR_LIMIT;
		}
		if (cidr_parse(word, &n->list[n->count]) != 0) {
			opt_quote(why, word);
			buf_append_str(why,
				" is not a network, such as 192.0.2.0/24, or an "
				"address.");
			return ERR_SYNTAX;
		}
		n->count++;
	}
	return 0;
}

int gate_rules_new(const char *allow, const char *deny, struct gate_rules **out, struct buf *why)
{
	struct gate_rules *r = MEM_NEW(struct gate_rules);
	int err = gate_networks_read(&r->allow, allow, why);

	if (!err)
		err = gate_networks_read(&r->deny, deny, why);
	if (err || (!r->allow.count && !r->deny.count))
		gate_rules_free(&r);
	*out = r;
	return err;
}

void gate_rules_free(struct gate_rules **r)
{
	mem_free(*r);
	*r = NULL;
}

static bool gate_networks_have(const struct gate_networks *n, const struct cidr_address *address)
{
	for (unsigned i = 0; i < n->count; i++) {
		if (cidr_has(&n->list[i], address))
			return true;
	}
	return false;
}

bool gate_rules_let(const struct gate_rules *r, struct slice address)
{
	struct cidr_address a;

	if (cidr_parse_address(slice_first(address, slice_find(address, '%')), &a) != 0)
		return false;
	if (gate_networks_have(&r->deny, &a))
		return false;
	return !r->allow.count || gate_networks_have(&r->allow, &a);
}

static bool gate_networks_eq(const struct gate_networks *a, const struct gate_networks *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		if (a->list[i].bits != b->list[i].bits || !cidr_has(&a->list[i], &b->list[i].base))
			return false;
	}
	return true;
}

bool gate_rules_eq(const struct gate_rules *a, const struct gate_rules *b)
{
	if (!a || !b)
		return a == b;
	return gate_networks_eq(&a->allow, &b->allow) && gate_networks_eq(&a->deny, &b->deny);
}

static void gate_networks_print(const struct gate_networks *n, struct buf *out)
{
	char text[CIDR_TEXT_MAX];

	for (unsigned i = 0; i < n->count; i++) {
		if (i)
			buf_append_char(out, ' ');
		buf_append(out, text, cidr_print(&n->list[i], text));
	}
}

void gate_rules_print_allow(const struct gate_rules *r, struct buf *out)
{
	gate_networks_print(&r->allow, out);
}

void gate_rules_print_deny(const struct gate_rules *r, struct buf *out)
{
	gate_networks_print(&r->deny, out);
}
