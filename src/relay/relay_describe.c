/* Prints every option's effective value with its origin, from the table. Pure. */
#include "relay/relay_describe.h"

#include "config/opt_set.h"
#include "config/opt_value.h"
#include "relay/escape.h"
#include "relay/relay_options.h"

#define DESCRIBE_NAME_WIDTH 26

void relay_describe_text(const struct relay_conf *conf, struct buf *out)
{
	for (size_t i = 0; i < relay_options.count; i++) {
		const struct opt *o = &relay_options.opts[i];
		const struct opt_origin *origin = &conf->origins[i];

		if (opt_has(o, OPT_NO_EFFECT) && !origin->where)
			continue;
		buf_printf(out, "%-*s ", DESCRIBE_NAME_WIDTH, o->name);
		if (opt_value_is_set(o, conf))
			opt_value_print(o, conf, out);
		else
			buf_append_str(out, opt_has(o, OPT_NO_EFFECT) ? "(no effect)" : "-");
		buf_printf(out, "  (%s)\n",
			origin->where ? origin->where : opt_layer_name(origin->layer));
	}
}

static void relay_describe_json_text(struct slice text, struct buf *out)
{
	buf_append_char(out, '"');
	escape_json(out, text);
	buf_append_char(out, '"');
}

static void relay_describe_json_list(char **list, struct buf *out)
{
	buf_append_char(out, '[');
	for (size_t i = 0; list[i]; i++) {
		buf_append_str(out, i ? "," : "");
		relay_describe_json_text(slice_from_str(list[i]), out);
	}
	buf_append_char(out, ']');
}

static void relay_describe_json_value(
	const struct opt *o, const struct relay_conf *conf, struct buf *out)
{
	struct buf text;

	if (!opt_value_is_set(o, conf)) {
		buf_append_str(out, "null");
	} else if (o->type == OPT_LIST) {
		relay_describe_json_list(opt_value_list(o, conf), out);
	} else if (o->type == OPT_BOOL) {
		buf_append_str(out, opt_value_number(o, conf) ? "true" : "false");
	} else if (opt_value_is_number(o)) {
		buf_append_u64(out, opt_value_number(o, conf));
	} else {
		buf_init(&text);
		opt_value_print(o, conf, &text);
		relay_describe_json_text(buf_slice(&text), out);
		buf_release(&text);
	}
}

void relay_describe_json(const struct relay_conf *conf, struct buf *out)
{
	buf_append_str(out, "{\"options\":{");
	for (size_t i = 0; i < relay_options.count; i++) {
		const struct opt *o = &relay_options.opts[i];
		const struct opt_origin *origin = &conf->origins[i];

		buf_printf(out, "%s\n\"%s\":{\"value\":", i ? "," : "", o->name);
		relay_describe_json_value(o, conf, out);
		buf_printf(out, ",\"layer\":\"%s\",\"where\":", opt_layer_name(origin->layer));
		if (origin->where)
			relay_describe_json_text(slice_from_str(origin->where), out);
		else
			buf_append_str(out, "null");
		buf_append_char(out, '}');
	}
	buf_append_str(out, "\n}}\n");
}
