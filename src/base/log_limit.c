/* A table of sets of four: a source may stand in any place of its set, the oldest one gives way. */
#include "base/log_limit.h"

#define LOG_LIMIT_WAYS 4u
#define LOG_LIMIT_SETS (LOG_LIMIT_SOURCES / LOG_LIMIT_WAYS)

void log_limit_init(struct log_limit *l)
{
	*l = (struct log_limit) {0};
}

/* The place of this source, or else the one that it may take. */
static struct log_limit_source *log_limit_find(struct log_limit *l, uint64_t key_hash)
{
	struct log_limit_source *set = &l->sources[key_hash % LOG_LIMIT_SETS * LOG_LIMIT_WAYS];
	struct log_limit_source *oldest = set;

	for (unsigned i = 0; i < LOG_LIMIT_WAYS; i++) {
		if (set[i].until_ms && set[i].key_hash == key_hash)
			return &set[i];
		if (set[i].until_ms < oldest->until_ms)
			oldest = &set[i];
	}
	return oldest;
}

bool log_limit_allow(struct log_limit *l, uint64_t key_hash, uint64_t now_ms)
{
	struct log_limit_source *source = log_limit_find(l, key_hash);

	if (now_ms >= l->period_end_ms) {
		l->period_end_ms = now_ms + LOG_LIMIT_PERIOD_MS;
		l->period_lines = 0;
	}
	if ((source->key_hash == key_hash && now_ms < source->until_ms) ||
		l->period_lines == LOG_LIMIT_SOURCES) {
		l->waiting++;
		return false;
	}
	*source = (struct log_limit_source) {key_hash, now_ms + LOG_LIMIT_PERIOD_MS};
	l->period_lines++;
	l->suppressed = l->waiting;
	l->waiting = 0;
	return true;
}
