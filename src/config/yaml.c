/*
 * Options by libyaml (yaml_walk.c reads what has more shape). It walks the events of a document and
 * accepts just what an option file needs; anchors, tags, nesting and second documents are refused
 * by name, because silently reading them in some way would surprise somebody.
 */
#include "config/yaml.h"

#include <yaml.h>

#include "base/err.h"

#define YAML_LIST_MAX 65536u /* bytes of one list */

struct yaml_reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	struct opt_set *set;
	const char *file;
	struct buf *message;
};

static int yaml_refuse(struct yaml_reader *r, size_t line, const char *sentence)
{
	buf_printf(r->message, "%s:%zu: %s", r->file, line + 1, sentence);
	return ERR_SYNTAX;
}

static int yaml_next(struct yaml_reader *r)
{
	const char *problem;

	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return 0;
	problem = r->parser.problem ? r->parser.problem : "not well-formed";
	return yaml_refuse(r, r->parser.problem_mark.line, problem);
}

static size_t yaml_line(const struct yaml_reader *r)
{
	return r->event.start_mark.line;
}

static struct slice yaml_scalar(const struct yaml_reader *r)
{
	return slice_of(r->event.data.scalar.value, r->event.data.scalar.length);
}

static bool yaml_is_null(const struct yaml_reader *r)
{
	struct slice text = yaml_scalar(r);

	return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		(!text.len || slice_eq(text, SLICE("~")) || slice_eq_fold(text, SLICE("null")));
}

/* What may stand as a value or list item: a scalar without anchor, tag and zero byte. */
static int yaml_check_scalar(struct yaml_reader *r, const char *otherwise)
{
	if (r->event.type == YAML_ALIAS_EVENT)
		return yaml_refuse(r, yaml_line(r), "aliases are not supported");
	if (r->event.type != YAML_SCALAR_EVENT)
		return yaml_refuse(r, yaml_line(r), otherwise);
	if (r->event.data.scalar.anchor || r->event.data.scalar.tag)
		return yaml_refuse(r, yaml_line(r), "anchors and tags are not supported");
	if (memchr(r->event.data.scalar.value, '\0', r->event.data.scalar.length))
		return yaml_refuse(r, yaml_line(r), "the value has a zero byte");
	return 0;
}

static int yaml_read_list(struct yaml_reader *r, struct buf *items)
{
	int err = yaml_next(r);

	while (!err && r->event.type != YAML_SEQUENCE_END_EVENT) {
		err = yaml_check_scalar(r, "a list may hold words only");
		if (err)
			return err;
		buf_append_slice(items, yaml_scalar(r));
		buf_append_char(items, ',');
		if (buf_len(items) > YAML_LIST_MAX)
			return yaml_refuse(r, yaml_line(r), "the list is too long");
		err = yaml_next(r);
	}
	return err;
}

static int yaml_read_value(struct yaml_reader *r, const struct opt *o)
{
	struct buf where, items, refusal = {0};
	int err = yaml_next(r);

	if (err)
		return err;
	buf_init(&where);
	buf_init(&items);
	buf_printf(&where, "%s:%zu: %s", r->file, yaml_line(r) + 1, o->name);
	if (r->event.type == YAML_SEQUENCE_START_EVENT && o->type == OPT_LIST) {
		err = yaml_read_list(r, &items);
		if (!err)
			opt_set_put(
				r->set, o, OPT_LAYER_FILE, buf_slice(&items), buf_slice(&where));
	} else {
		buf_printf(&refusal, "%s takes one value here", o->name);
		buf_append_char(&refusal, '\0');
		err = yaml_check_scalar(r, buf_slice(&refusal).ptr);
		if (!err && !yaml_is_null(r) && !yaml_scalar(r).len)
			err = yaml_refuse(r, yaml_line(r), "the value is empty");
		if (!err && !yaml_is_null(r))
			opt_set_put(r->set, o, OPT_LAYER_FILE, yaml_scalar(r), buf_slice(&where));
	}
	buf_release(&refusal);
	buf_release(&where);
	buf_release(&items);
	return err;
}

static int yaml_refuse_key(struct yaml_reader *r, const struct opt *o, struct slice key)
{
	buf_printf(r->message, "%s:%zu: ", r->file, yaml_line(r) + 1);
	if (o) {
		buf_printf(r->message, "%s cannot be set in this file", o->name);
		if (opt_find_file_of(r->set->table, o))
			buf_printf(r->message, "; use %s-file", o->name);
		return ERR_SYNTAX;
	}
	buf_append_str(r->message, "unknown option ");
	opt_quote(r->message, key);
	opt_suggest(r->set->table, key, OPT_STYLE_KEY, r->message);
	return ERR_SYNTAX;
}

/* libyaml leaves it to us to find a key that comes twice. */
static int yaml_read_pair(struct yaml_reader *r)
{
	int err = yaml_check_scalar(r, "an option name is expected here");
	const struct opt *o;

	if (err)
		return err;
	o = opt_find(r->set->table, yaml_scalar(r));
	if (!o || opt_has(o, OPT_NO_FILE))
		return yaml_refuse_key(r, o, yaml_scalar(r));
	if (opt_set_has(r->set, o, OPT_LAYER_FILE)) {
		buf_printf(
			r->message, "%s:%zu: %s is set twice", r->file, yaml_line(r) + 1, o->name);
		return ERR_EXISTS;
	}
	return yaml_read_value(r, o);
}

static int yaml_read_mapping(struct yaml_reader *r)
{
	int err = yaml_next(r);

	while (!err && r->event.type != YAML_MAPPING_END_EVENT) {
		err = yaml_read_pair(r);
		if (!err)
			err = yaml_next(r);
	}
	return err;
}

/* The root: nothing at all, or one mapping. */
static int yaml_read_root(struct yaml_reader *r)
{
	if (r->event.type == YAML_MAPPING_START_EVENT)
		return yaml_read_mapping(r);
	if (r->event.type == YAML_SCALAR_EVENT && yaml_is_null(r))
		return 0;
	return yaml_refuse(r, yaml_line(r), "lines of the form \"option: value\" are expected");
}

static int yaml_read_stream(struct yaml_reader *r)
{
	unsigned documents = 0;
	int err = yaml_next(r);

	while (!err && r->event.type != YAML_STREAM_END_EVENT) {
		if (r->event.type == YAML_DOCUMENT_START_EVENT) {
			if (documents++)
				return yaml_refuse(r, yaml_line(r), "there is a second document");
			err = yaml_next(r);
			if (!err)
				err = yaml_read_root(r);
		}
		if (!err)
			err = yaml_next(r);
	}
	return err;
}

int yaml_read_options(struct opt_set *set, const char *file, struct slice text, struct buf *message)
{
	struct yaml_reader reader = {.set = set, .file = file, .message = message};
	int err;

	if (!yaml_parser_initialize(&reader.parser)) {
		buf_printf(message, "%s: the YAML reader could not start", file);
		return ERR_SYSTEM;
	}
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&reader.parser, (const unsigned char *)(text.ptr ? text.ptr : ""), text.len);
	err = yaml_read_stream(&reader);
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	return err;
}
