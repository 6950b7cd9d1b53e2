/* A table of sets of four, and one time for each source: that at which its lines are paid for. */
#include "base/log_budget.h"

#define LOG_BUDGET_WAYS 4u
#define LOG_BUDGET_SETS (LOG_BUDGET_SOURCES / LOG_BUDGET_WAYS)

void log_budget_init(struct log_budget *b)
{
	*b = (struct log_budget) {0};
}

/* The one that owes least has the least to lose. */
static struct log_budget_source *log_budget_find(struct log_budget *b, uint64_t key_hash)
{
	struct log_budget_source *set = &b->sources[key_hash % LOG_BUDGET_SETS * LOG_BUDGET_WAYS];
	struct log_budget_source *least = set;

	for (unsigned i = 0; i < LOG_BUDGET_WAYS; i++) {
		if (set[i].paid_ms && set[i].key_hash == key_hash)
			return &set[i];
		if (set[i].paid_ms < least->paid_ms)
			least = &set[i];
	}
	b->forgotten += least->left_out;
	*least = (struct log_budget_source) {.key_hash = key_hash};
	return least;
}

/* When one line more would be paid for. */
static uint64_t log_budget_price(uint64_t paid_ms, uint64_t every_ms, uint64_t now_ms)
{
	return (paid_ms > now_ms ? paid_ms : now_ms) + every_ms;
}

bool log_budget_take(struct log_budget *b, uint64_t key_hash, const char *kind, struct slice source,
	uint64_t now_ms)
{
	struct log_budget_source *s = log_budget_find(b, key_hash);
	uint64_t own = log_budget_price(s->paid_ms, LOG_BUDGET_EVERY_MS, now_ms);
	uint64_t all = log_budget_price(b->paid_ms, LOG_BUDGET_ALL_EVERY_MS, now_ms);

	s->kind = kind;
	s->text_len = (uint8_t)slice_first(source, LOG_BUDGET_SOURCE_MAX).len;
	if (s->text_len)
		memcpy(s->text, source.ptr, s->text_len);
	if (own - now_ms > (uint64_t)LOG_BUDGET_BURST * LOG_BUDGET_EVERY_MS ||
		all - now_ms > (uint64_t)LOG_BUDGET_ALL_BURST * LOG_BUDGET_ALL_EVERY_MS) {
		if (!s->paid_ms) /* all of the others' doing */
			s->paid_ms = now_ms + 1;
		s->left_out++;
		return false;
	}
	s->paid_ms = own;
	b->paid_ms = all;
	return true;
}

bool log_budget_next_gap(struct log_budget *b, size_t *at, struct log_budget_gap *gap_out)
{
	while (*at < LOG_BUDGET_SOURCES) {
		struct log_budget_source *s = &b->sources[(*at)++];

		if (!s->left_out)
			continue;
		*gap_out = (struct log_budget_gap) {
			s->kind, slice_of(s->text, s->text_len), s->left_out};
		s->left_out = 0;
		return true;
	}
	*gap_out = (struct log_budget_gap) {.count = b->forgotten};
	b->forgotten = 0;
	return gap_out->count > 0;
}
