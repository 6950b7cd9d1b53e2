/* The layers of what was said, and their resolution into values with origins. */
#include "config/opt_set.h"

#include "base/mem.h"
#include "config/opt_value.h"

const char *opt_layer_name(enum opt_layer layer)
{
	static const char *const names[OPT_LAYER_COUNT] = {
		"default", "file", ".env", ".env.local", "environment", "flag"};

	return names[layer];
}

static struct opt_source *opt_source_at(
	const struct opt_set *set, const struct opt *o, enum opt_layer layer)
{
	return &set->sources[opt_index(set->table, o) * OPT_LAYER_COUNT + layer];
}

void opt_set_init(struct opt_set *set, const struct opt_table *table)
{
	set->table = table;
	set->sources = mem_zero(table->count * OPT_LAYER_COUNT * sizeof(*set->sources));
}

void opt_set_deinit(struct opt_set *set)
{
	for (size_t i = 0; i < set->table->count * OPT_LAYER_COUNT; i++) {
		opt_value_wipe(&set->sources[i].text);
		mem_free(set->sources[i].where);
	}
	mem_free(set->sources);
	*set = (struct opt_set) {0};
}

bool opt_set_has(const struct opt_set *set, const struct opt *o, enum opt_layer layer)
{
	return opt_source_at(set, o, layer)->text != NULL;
}

void opt_set_put(struct opt_set *set, const struct opt *o, enum opt_layer layer, struct slice text,
	struct slice where)
{
	struct opt_source *source = opt_source_at(set, o, layer);

	if (o->type != OPT_SECRET)
		text = slice_trim(text);
	opt_value_wipe(&source->text);
	mem_free(source->where);
	source->text = mem_dup_str(text.ptr, text.len);
	source->where = mem_dup_str(where.ptr, where.len);
}

const char *opt_set_get(const struct opt_set *set, const struct opt *o, enum opt_layer *layer_out)
{
	for (int layer = OPT_LAYER_FLAG; layer > OPT_LAYER_DEFAULT; layer--) {
		const struct opt_source *source = opt_source_at(set, o, (enum opt_layer)layer);

		*layer_out = (enum opt_layer)layer;
		if (source->text)
			return source->text;
	}
	*layer_out = OPT_LAYER_DEFAULT;
	return o->fallback;
}

/* For switches whose only true value is "true": anything else is false, and said so. */
static struct slice opt_true_only(const struct opt_source *source, struct buf *warnings)
{
	struct slice text = slice_from_str(source->text);

	if (slice_eq(text, SLICE("true")))
		return text;
	if (!slice_eq(text, SLICE("false"))) {
		buf_printf(warnings, "%s: ", source->where);
		opt_quote(warnings, text);
		buf_append_str(warnings, " counts as false; only the word true turns it on\n");
	}
	return SLICE("false");
}

static int opt_apply_layer(const struct opt *o, enum opt_layer layer,
	const struct opt_source *source, void *object, const struct opt_report *report)
{
	struct slice text = slice_from_str(source->text);
	struct buf why;
	int err;

	if (opt_has(o, OPT_ENV_TRUE_ONLY) && layer >= OPT_LAYER_DOTENV && layer <= OPT_LAYER_ENV)
		text = opt_true_only(source, report->warnings);
	buf_init(&why);
	err = opt_value_store(o, object, text, &why);
	if (err)
		buf_printf(report->message, "%s: %.*s", source->where, SLICE_ARG(buf_slice(&why)));
	buf_release(&why);
	return err;
}

static int opt_apply_one(struct opt_set *set, const struct opt *o, void *object,
	struct opt_origin *origin, const struct opt_report *report)
{
	const struct opt_source fallback = {(char *)o->fallback, (char *)"default"};
	int err = 0;

	if (o->fallback)
		err = opt_apply_layer(o, OPT_LAYER_DEFAULT, &fallback, object, report);
	for (int layer = OPT_LAYER_FILE; layer < OPT_LAYER_COUNT && !err; layer++) {
		struct opt_source *source = opt_source_at(set, o, (enum opt_layer)layer);

		if (!source->text)
			continue;
		err = opt_apply_layer(o, (enum opt_layer)layer, source, object, report);
		mem_free(origin->where);
		origin->where = mem_dup_str(source->where, strlen(source->where));
		origin->layer = (enum opt_layer)layer;
	}
	return err;
}

int opt_set_apply(struct opt_set *set, void *object, struct opt_origin *origins,
	const struct opt_report *report)
{
	int err = 0;

	for (size_t i = 0; i < set->table->count && !err; i++)
		err = opt_apply_one(set, &set->table->opts[i], object, &origins[i], report);
	return err;
}

void opt_origins_free(struct opt_origin **origins, size_t count)
{
	for (size_t i = 0; *origins && i < count; i++)
		mem_free((*origins)[i].where);
	mem_free(*origins);
	*origins = NULL;
}

void opt_set_free_values(const struct opt_table *table, void *object)
{
	for (size_t i = 0; i < table->count; i++)
		opt_value_free(&table->opts[i], object);
}
