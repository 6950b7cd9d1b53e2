/*
 * Walks the events of a document, and refuses by name what no file of ours needs: anchors, tags,
 * second documents, and lists of anything but scalars.
 */
#include "config/yaml_walk.h"

#include <yaml.h>

#include "base/err.h"

struct yaml_walk {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	const struct yaml_visitor *visitor;
	const char *file;
	struct buf *message;
};

static int yaml_walk_refuse(struct yaml_walk *w, size_t line, const char *sentence)
{
	buf_printf(w->message, "%s:%zu: %s", w->file, line + 1, sentence);
	return ERR_SYNTAX;
}

static int yaml_walk_next(struct yaml_walk *w)
{
	const char *problem;

	yaml_event_delete(&w->event);
	if (yaml_parser_parse(&w->parser, &w->event))
		return 0;
	problem = w->parser.problem ? w->parser.problem : "not well-formed";
	return yaml_walk_refuse(w, w->parser.problem_mark.line, problem);
}

static size_t yaml_walk_line(const struct yaml_walk *w)
{
	return w->event.start_mark.line;
}

static struct slice yaml_walk_text(const struct yaml_walk *w)
{
	return slice_of(w->event.data.scalar.value, w->event.data.scalar.length);
}

static bool yaml_walk_is_null(const struct yaml_walk *w)
{
	struct slice text = yaml_walk_text(w);

	return w->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		(!text.len || slice_eq(text, SLICE("~")) || slice_eq_fold(text, SLICE("null")));
}

static int yaml_walk_check_scalar(struct yaml_walk *w)
{
	if (w->event.type == YAML_ALIAS_EVENT)
		return yaml_walk_refuse(w, yaml_walk_line(w), "aliases are not supported");
	if (w->event.type != YAML_SCALAR_EVENT)
		return yaml_walk_refuse(w, yaml_walk_line(w), "one word is expected here");
	if (w->event.data.scalar.anchor || w->event.data.scalar.tag)
		return yaml_walk_refuse(w, yaml_walk_line(w), "anchors and tags are not supported");
	if (memchr(w->event.data.scalar.value, '\0', w->event.data.scalar.length))
		return yaml_walk_refuse(w, yaml_walk_line(w), "the text has a zero byte");
	return 0;
}

static bool yaml_walk_is_mapping(const struct yaml_walk *w)
{
	return w->event.type == YAML_MAPPING_START_EVENT && !w->event.data.mapping_start.anchor &&
		!w->event.data.mapping_start.tag;
}

/* A list of scalars, in which none has a comma. */
static int yaml_walk_list(struct yaml_walk *w, struct buf *out)
{
	for (;;) {
		int err = yaml_walk_next(w);

		if (err || w->event.type == YAML_SEQUENCE_END_EVENT)
			return err;
		err = yaml_walk_check_scalar(w);
		if (err)
			return err;
		if (memchr(w->event.data.scalar.value, ',', w->event.data.scalar.length))
			return yaml_walk_refuse(
				w, yaml_walk_line(w), "an item of a list has a comma");
		if (buf_len(out))
			buf_append_char(out, ',');
		buf_append_slice(out, yaml_walk_text(w));
	}
}

static bool yaml_walk_is_list(const struct yaml_walk *w)
{
	return w->event.type == YAML_SEQUENCE_START_EVENT && !w->event.data.sequence_start.anchor &&
		!w->event.data.sequence_start.tag;
}

/* The value behind a key; *depth is one deeper after the start of a mapping. */
static int yaml_walk_value(struct yaml_walk *w, unsigned *depth, const struct buf *key, size_t line)
{
	struct yaml_item item = {.depth = *depth, .line = line + 1, .key = buf_slice(key)};
	struct buf list = {0};
	int err = yaml_walk_next(w);

	if (err)
		return err;
	if (yaml_walk_is_mapping(w)) {
		if (*depth + 1 == YAML_WALK_DEPTH_MAX)
			return yaml_walk_refuse(w, line, "this is nested too deep");
		item.is_mapping = true;
		++*depth;
	} else if (yaml_walk_is_list(w)) {
		err = yaml_walk_list(w, &list);
		item.is_list = true;
		item.value = buf_slice(&list);
	} else {
		err = yaml_walk_check_scalar(w);
		if (err)
			return err;
		if (!yaml_walk_is_null(w))
			item.value = yaml_walk_text(w);
	}
	if (!err)
		err = w->visitor->visit(w->visitor->ctx, &item);
	buf_release(&list);
	return err;
}

static int yaml_walk_pair(struct yaml_walk *w, unsigned *depth)
{
	struct buf key = {0};
	size_t line = yaml_walk_line(w);
	int err = yaml_walk_check_scalar(w);

	if (!err) {
		buf_append_slice(&key, yaml_walk_text(w));
		err = yaml_walk_value(w, depth, &key, line);
	}
	buf_release(&key);
	return err;
}

static int yaml_walk_root(struct yaml_walk *w)
{
	unsigned depth = 0;

	if (w->event.type == YAML_SCALAR_EVENT && yaml_walk_is_null(w))
		return 0;
	if (!yaml_walk_is_mapping(w))
		return yaml_walk_refuse(
			w, yaml_walk_line(w), "lines of the form \"key: value\" are expected");
	for (;;) {
		int err = yaml_walk_next(w);

		if (err)
			return err;
		if (w->event.type != YAML_MAPPING_END_EVENT)
			err = yaml_walk_pair(w, &depth);
		else if (depth-- == 0)
			return 0;
		if (err)
			return err;
	}
}

static int yaml_walk_stream(struct yaml_walk *w)
{
	unsigned documents = 0;
	int err = yaml_walk_next(w);

	while (!err && w->event.type != YAML_STREAM_END_EVENT) {
		if (w->event.type == YAML_DOCUMENT_START_EVENT) {
			if (documents++)
				return yaml_walk_refuse(
					w, yaml_walk_line(w), "there is a second document");
			err = yaml_walk_next(w);
			if (!err)
				err = yaml_walk_root(w);
		}
		if (!err)
			err = yaml_walk_next(w);
	}
	return err;
}

int yaml_walk(const struct yaml_visitor *visitor, const char *file, struct slice text,
	struct buf *message)
{
	struct yaml_walk walk = {.visitor = visitor, .file = file, .message = message};
	int err;

	if (!yaml_parser_initialize(&walk.parser)) {
		buf_printf(message, "%s: the YAML reader could not start", file);
		return ERR_SYSTEM;
	}
	yaml_parser_set_encoding(&walk.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&walk.parser, (const unsigned char *)(text.ptr ? text.ptr : ""), text.len);
	err = yaml_walk_stream(&walk);
	yaml_event_delete(&walk.event);
	yaml_parser_delete(&walk.parser);
	return err;
}
