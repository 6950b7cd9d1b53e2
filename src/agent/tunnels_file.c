/*
 * A tunnel's keys are options of the command line, so their values are checked by the table of
 * options; "http" and "tcp" stand for the command and its argument.
 */
#include "agent/tunnels_file.h"

#include "agent/cli_guard.h"
#include "agent/cli_options.h"
#include "agent/cli_spec.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/opt_set.h"
#include "config/opt_value.h"
#include "config/yaml_walk.h"

struct tunnels_reader {
	const struct tunnels_source *source; /* borrowed */
	struct tunnels_file *out;
	struct buf *message;
	bool in_tunnels; /* the key of depth 0 that we are below */
	bool has_tunnels;
	bool is_open; /* a tunnel is being read */
	size_t line; /* where it began */
	char label[TUNNELS_FILE_NAME_MAX + 1];
	bool has_target;
	struct tunnel_spec spec; /* target and protocol */
	struct cli_values values;
	uint64_t seen; /* bits of options by their index */
};

/* The words of a message follow. */
static struct buf *tunnels_at(struct tunnels_reader *r, size_t line)
{
	buf_printf(r->message, "%s:%zu: ", r->source->file, line);
	return r->message;
}

static bool tunnels_takes(const struct opt *o)
{
	return o->group == CLI_GROUP_HTTP || o->group == CLI_GROUP_LOCAL_TLS ||
		o->group == CLI_GROUP_GATE || o->group == CLI_GROUP_TCP ||
		o->group == CLI_GROUP_TUNNEL;
}

static bool tunnels_fits(const struct opt *o, enum tunnel_proto proto)
{
	if (proto == TUNNEL_HTTP && (o->group == CLI_GROUP_GATE || o->group == CLI_GROUP_LOCAL_TLS))
		return true;
	return o->group == CLI_GROUP_TUNNEL ||
		o->group == (proto == TUNNEL_HTTP ? CLI_GROUP_HTTP : CLI_GROUP_TCP);
}

static void tunnels_reset(struct tunnels_reader *r)
{
	opt_set_free_values(&cli_options, &r->values);
	tunnel_spec_deinit(&r->spec);
	r->spec = (struct tunnel_spec) {0};
	r->values = (struct cli_values) {.local_verify = true};
	r->seen = 0;
	r->has_target = false;
	r->is_open = false;
}

/* From the tunnel's keys to what it should be. */
static int tunnels_fill(struct tunnels_reader *r)
{
	const struct cli_guard_source source = {.environ_list = r->source->environ_list};
	struct buf why = {0};
	int err = cli_guard_fill(&r->spec.guard, &r->values, &source, &why);

	if (!err)
		err = cli_spec_fill(&r->spec, &r->values, r->label, &why);
	if (err)
		buf_printf(tunnels_at(r, r->line), "tunnel \"%s\": %.*s", r->label,
			SLICE_ARG(buf_slice(&why)));
	buf_release(&why);
	return err;
}

/* The tunnel's keys are all there. */
static int tunnels_finish(struct tunnels_reader *r)
{
	struct tunnels_file *f = r->out;

	if (!r->is_open)
		return 0;
	if (!r->has_target) {
		buf_printf(tunnels_at(r, r->line),
			"tunnel \"%s\" needs a target: \"http: 3000\" or \"tcp: 5432\"", r->label);
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < cli_options.count; i++) {
		const struct opt *o = &cli_options.opts[i];

		if (!(r->seen >> i & 1) || tunnels_fits(o, r->spec.proto))
			continue;
		buf_printf(tunnels_at(r, r->line), "tunnel \"%s\": %s is not for %s tunnels",
			r->label, o->name, r->spec.proto == TUNNEL_HTTP ? "http" : "tcp");
		return ERR_SYNTAX;
	}
	if (tunnels_fill(r) != 0)
		return ERR_SYNTAX;
	f->specs = mem_grow(f->specs, (f->count + 1) * sizeof(*f->specs));
	f->specs[f->count++] = r->spec;
	r->spec = (struct tunnel_spec) {0};
	tunnels_reset(r);
	return 0;
}

static int tunnels_begin(struct tunnels_reader *r, const struct yaml_item *item)
{
	int err = tunnels_finish(r);

	if (err)
		return err;
	if (!item->key.len || item->key.len > TUNNELS_FILE_NAME_MAX) {
		buf_printf(tunnels_at(r, item->line), "a tunnel's name has 1 to %u characters",
			TUNNELS_FILE_NAME_MAX);
		return ERR_RANGE;
	}
	for (size_t i = 0; i < item->key.len; i++) {
		unsigned char c = (unsigned char)item->key.ptr[i];

		if (c > ' ' && c != 0x7f && c != '"')
			continue;
		buf_append_str(tunnels_at(r, item->line),
			"a tunnel's name has no blanks, quotes or control characters");
		return ERR_SYNTAX;
	}
	slice_to_str(item->key, r->label, sizeof(r->label));
	r->line = item->line;
	for (size_t i = 0; i < r->out->count; i++) {
		if (!slice_eq(slice_from_str(r->out->specs[i].label), item->key))
			continue;
		buf_printf(tunnels_at(r, item->line), "there are two tunnels \"%s\"", r->label);
		return ERR_EXISTS;
	}
	if (r->out->count == TUNNELS_FILE_MAX) {
		buf_printf(tunnels_at(r, item->line), "there are more than %u tunnels",
			TUNNELS_FILE_MAX);
		return ERR_LIMIT;
	}
	if (!item->is_mapping) {
		buf_printf(tunnels_at(r, item->line),
			"tunnel \"%s\" needs keys below it: {http: 3000}", r->label);
		return ERR_SYNTAX;
	}
	r->is_open = true;
	return 0;
}

static int tunnels_target(
	struct tunnels_reader *r, const struct yaml_item *item, enum tunnel_proto proto)
{
	struct buf why = {0};
	int err;

	if (r->has_target) {
		buf_printf(tunnels_at(r, item->line), "tunnel \"%s\" has two targets", r->label);
		return ERR_EXISTS;
	}
	err = target_parse(item->value, proto, &r->spec.target, &why);
	if (err)
		buf_append_slice(tunnels_at(r, item->line), buf_slice(&why));
	buf_release(&why);
	r->spec.proto = proto;
	r->has_target = true;
	return err;
}

static int tunnels_unknown(struct tunnels_reader *r, const struct yaml_item *item)
{
	static const char *const targets[] = {"http", "tcp"};
	struct buf *out = tunnels_at(r, item->line);
	const char *near = NULL;

	for (size_t i = 0; i < cli_options.count; i++) {
		const struct opt *o = &cli_options.opts[i];

		if (tunnels_takes(o) && opt_is_near(item->key, slice_from_str(o->name)))
			near = o->name;
	}
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		if (opt_is_near(item->key, slice_from_str(targets[i])))
			near = targets[i];
	}
	buf_append_str(out, "unknown key ");
	opt_quote(out, item->key);
	if (near)
		buf_printf(out, "; did you mean %s?", near);
	return ERR_SYNTAX;
}

static int tunnels_key(struct tunnels_reader *r, const struct yaml_item *item)
{
	const struct opt *o = opt_find(&cli_options, item->key);
	struct buf why = {0};
	uint64_t bit;
	int err;

	if (item->is_mapping || !item->value.len) {
		buf_append_str(tunnels_at(r, item->line), "a value is expected behind ");
		opt_quote(r->message, item->key);
		return ERR_SYNTAX;
	}
	if (item->is_list && (!o || o->type != OPT_LIST)) {
		buf_append_str(tunnels_at(r, item->line), "there is no list for ");
		opt_quote(r->message, item->key);
		return ERR_SYNTAX;
	}
	if (slice_eq(item->key, SLICE("http")))
		return tunnels_target(r, item, TUNNEL_HTTP);
	if (slice_eq(item->key, SLICE("tcp")))
		return tunnels_target(r, item, TUNNEL_TCP);
	if (!o || !tunnels_takes(o))
		return tunnels_unknown(r, item);
	bit = 1ull << opt_index(&cli_options, o);
	if (r->seen & bit) {
		buf_printf(tunnels_at(r, item->line), "%s is set twice", o->name);
		return ERR_EXISTS;
	}
	r->seen |= bit;
	err = opt_value_store(o, &r->values, item->value, &why);
	if (err)
		buf_printf(
			tunnels_at(r, item->line), "%s: %.*s", o->name, SLICE_ARG(buf_slice(&why)));
	buf_release(&why);
	return err;
}

static int tunnels_relay(struct tunnels_reader *r, const struct yaml_item *item)
{
	if (item->is_mapping || item->is_list || !item->value.len || r->out->relay) {
		buf_append_str(tunnels_at(r, item->line),
			"relay is one address: \"relay: https://relay.example.com\"");
		return ERR_SYNTAX;
	}
	r->out->relay = mem_dup_str(item->value.ptr, item->value.len);
	return 0;
}

static int tunnels_top(struct tunnels_reader *r, const struct yaml_item *item)
{
	int err = tunnels_finish(r);

	if (err)
		return err;
	r->in_tunnels = slice_eq(item->key, SLICE("tunnels"));
	if (slice_eq(item->key, SLICE("relay")))
		return tunnels_relay(r, item);
	if (r->in_tunnels && !r->has_tunnels && item->is_mapping) {
		r->has_tunnels = true;
		return 0;
	}
	if (r->in_tunnels) {
		buf_append_str(tunnels_at(r, item->line),
			r->has_tunnels ? "tunnels is set twice"
				       : "tunnels needs names below it: \"web: {http: 3000}\"");
		return ERR_SYNTAX;
	}
	buf_append_str(tunnels_at(r, item->line), "unknown key ");
	opt_quote(r->message, item->key);
	if (opt_is_near(item->key, SLICE("tunnels")))
		buf_append_str(r->message, "; did you mean tunnels?");
	else if (opt_is_near(item->key, SLICE("relay")))
		buf_append_str(r->message, "; did you mean relay?");
	return ERR_SYNTAX;
}

static int tunnels_visit(void *ctx, const struct yaml_item *item)
{
	struct tunnels_reader *r = ctx;

	if (item->depth == 0)
		return tunnels_top(r, item);
	return item->depth == 1 ? tunnels_begin(r, item) : tunnels_key(r, item);
}

int tunnels_file_parse(
	const struct tunnels_source *source, struct tunnels_file *out, struct buf *message)
{
	struct tunnels_reader reader = {.source = source, .out = out, .message = message};
	const struct yaml_visitor visitor = {tunnels_visit, &reader};
	int err;

	*out = (struct tunnels_file) {0};
	tunnels_reset(&reader);
	err = yaml_walk(&visitor, source->file, source->text, message);
	if (!err)
		err = tunnels_finish(&reader);
	if (!err && !out->count) {
		buf_printf(message,
			"%s: there are no tunnels in it: \"tunnels: {web: {http: 3000}}\"",
			source->file);
		err = ERR_SYNTAX;
	}
	tunnels_reset(&reader);
	if (err)
		tunnels_file_deinit(out);
	return err;
}

static bool tunnels_is_named(const struct tunnel_spec *s, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(s->label, names[i]) == 0)
			return true;
	}
	return false;
}

static int tunnels_check_name(const struct tunnels_file *f, const char *name, struct buf *message)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->specs[i].label, name) == 0)
			return 0;
	}
	buf_append_str(message, "there is no tunnel ");
	opt_quote(message, slice_from_str(name));
	buf_append_str(message, "; there are:");
	for (size_t i = 0; i < f->count; i++)
		buf_printf(message, " %s", f->specs[i].label);
	return ERR_NOT_FOUND;
}

static bool tunnels_is_one_address(const struct tunnel_spec *a, const struct tunnel_spec *b)
{
	if (a->proto != b->proto)
		return false;
	if (a->proto == TUNNEL_TCP)
		return a->remote_port && a->remote_port == b->remote_port;
	return a->subdomain && b->subdomain && strcmp(a->subdomain, b->subdomain) == 0;
}

static int tunnels_check_addresses(const struct tunnels_file *f, struct buf *message)
{
	for (size_t i = 0; i < f->count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!tunnels_is_one_address(&f->specs[k], &f->specs[i]))
				continue;
			buf_printf(message, "tunnels \"%s\" and \"%s\" have the same %s",
				f->specs[k].label, f->specs[i].label,
				f->specs[i].proto == TUNNEL_TCP ? "remote-port" : "subdomain");
			return ERR_EXISTS;
		}
	}
	return 0;
}

int tunnels_file_choose(
	struct tunnels_file *f, const char *const *names, size_t count, struct buf *message)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		int err = tunnels_check_name(f, names[i], message);

		if (err)
			return err;
	}
	for (size_t i = 0; count && i < f->count; i++) {
		if (tunnels_is_named(&f->specs[i], names, count))
			f->specs[kept++] = f->specs[i];
		else
			tunnel_spec_deinit(&f->specs[i]);
	}
	if (count)
		f->count = kept;
	return tunnels_check_addresses(f, message);
}

void tunnels_file_deinit(struct tunnels_file *f)
{
	for (size_t i = 0; i < f->count; i++)
		tunnel_spec_deinit(&f->specs[i]);
	mem_free(f->specs);
	mem_free(f->relay);
	*f = (struct tunnels_file) {0};
}
