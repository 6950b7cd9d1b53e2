/* Buckets, and the exposition text made from the table in metrics.def. */
#include "relay/metrics.h"

#include <inttypes.h>

#include "relay/visitor_error.h"

#define METRICS_TYPE "# TYPE adit_%s %s\n"
#define METRICS_HELP "# HELP adit_%s %s\n"

#define METRICS_LABEL "code=\""
#define METRICS_ERROR(code)                                                                        \
	{                                                                                          \
		METRICS_COUNTER, "errors_total", METRICS_LABEL code "\"",                          \
			"Errors that visitors got from the relay itself, by X-Adit-Error code."    \
	}

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE };

static const struct metrics_row {
	enum metrics_type type;
	const char *name;
	const char *label;
	const char *help;
} metrics_rows[METRIC_COUNT] = {
#define METRIC(id, type, name, label, help) {METRICS_##type, name, label, help},
#include "relay/metrics.def"
#undef METRIC
#define VISITOR_ERROR(id, code, status, reason, place, title, explanation, advice)                 \
	METRICS_ERROR(code),
#include "relay/visitor_error.def"
#undef VISITOR_ERROR
	METRICS_ERROR("other"),
};

static const struct {
	const char *name;
	const char *help;
} metrics_times[METRIC_TIME_COUNT] = {
	[METRIC_TIME_FIRST_BYTE] = {"first_byte_seconds",
		"Time from a request's head to its response's first byte."},
	[METRIC_TIME_DURATION] = {"request_duration_seconds",
		"Time from a request's head to the end of its exchange."},
};

static const struct {
	uint64_t us;
	const char *seconds;
} metrics_bounds[METRICS_BOUNDS] = {
	{500, "0.0005"},
	{1000, "0.001"},
	{2500, "0.0025"},
	{5000, "0.005"},
	{10000, "0.01"},
	{25000, "0.025"},
	{50000, "0.05"},
	{100000, "0.1"},
	{250000, "0.25"},
	{500000, "0.5"},
	{1000000, "1"},
	{2500000, "2.5"},
	{5000000, "5"},
	{10000000, "10"},
	{30000000, "30"},
	{60000000, "60"},
};

static uint64_t metrics_load(const _Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

static void metrics_bump(_Atomic uint64_t *value, uint64_t n)
{
	atomic_store_explicit(value, metrics_load(value) + n, memory_order_relaxed);
}

void metrics_observe(struct metrics *m, enum metric_time id, uint64_t us)
{
	size_t i = 0;

	while (i < METRICS_BOUNDS && us > metrics_bounds[i].us)
		i++;
	metrics_bump(&m->times[id].buckets[i], 1);
	metrics_bump(&m->times[id].sum_us, us);
}

enum metric metrics_response(unsigned status)
{
	static const enum metric by_class[] = {METRIC_RESPONSES_1XX, METRIC_RESPONSES_2XX,
		METRIC_RESPONSES_3XX, METRIC_RESPONSES_4XX, METRIC_RESPONSES_5XX};

	if (status < 100)
		return METRIC_RESPONSES_1XX;
	return status < 600 ? by_class[status / 100 - 1] : METRIC_RESPONSES_5XX;
}

enum metric metrics_error(struct slice code)
{
	size_t id = METRIC_ERROR_OTHER - VISITOR_ERROR_COUNT;

	for (; id < METRIC_ERROR_OTHER; id++) {
		struct slice label = slice_from_str(metrics_rows[id].label);

		label = slice_from(label, sizeof(METRICS_LABEL) - 1);
		if (slice_eq(slice_first(label, label.len - 1), code))
			break;
	}
	return (enum metric)id;
}

static void metrics_write_head(
	struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, METRICS_HELP METRICS_TYPE, name, help, name, type);
}

static void metrics_write_seconds(struct buf *out, uint64_t us)
{
	buf_printf(out, "%" PRIu64 ".%06u\n", us / 1000000, (unsigned)(us % 1000000));
}

/* A gauge that is read while it moves between workers may sum up to less than nothing. */
static uint64_t metrics_sum(const struct metrics *const *all, size_t count, size_t id)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += metrics_load(&all[i]->values[id]);
	return metrics_rows[id].type == METRICS_GAUGE && (int64_t)sum < 0 ? 0 : sum;
}

static void metrics_write_rows(struct buf *out, const struct metrics *const *all, size_t count)
{
	const char *name = "";

	for (size_t id = 0; id < METRIC_COUNT; id++) {
		const struct metrics_row *row = &metrics_rows[id];

		if (strcmp(row->name, name) != 0)
			metrics_write_head(out, row->name,
				row->type == METRICS_GAUGE ? "gauge" : "counter", row->help);
		buf_printf(out, *row->label ? "adit_%s{%s} " : "adit_%s%s ", row->name, row->label);
		buf_append_u64(out, metrics_sum(all, count, id));
		buf_append_char(out, '\n');
		name = row->name;
	}
}

static void metrics_write_time(
	struct buf *out, const struct metrics *const *all, size_t count, enum metric_time id)
{
	const char *name = metrics_times[id].name;
	uint64_t below = 0, sum_us = 0;

	metrics_write_head(out, name, "histogram", metrics_times[id].help);
	for (size_t b = 0; b <= METRICS_BOUNDS; b++) {
		for (size_t i = 0; i < count; i++)
			below += metrics_load(&all[i]->times[id].buckets[b]);
		buf_printf(out, "adit_%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
			b < METRICS_BOUNDS ? metrics_bounds[b].seconds : "+Inf", below);
	}
	for (size_t i = 0; i < count; i++)
		sum_us += metrics_load(&all[i]->times[id].sum_us);
	buf_printf(out, "adit_%s_sum ", name);
	metrics_write_seconds(out, sum_us);
	buf_printf(out, "adit_%s_count %" PRIu64 "\n", name, below);
}

static void metrics_write_process(struct buf *out, const struct metrics_process *p)
{
	uint64_t up_ms = p->now_ms > p->start_ms ? p->now_ms - p->start_ms : 0;
	const struct {
		const char *name;
		const char *type;
		const char *help;
		uint64_t value;
	} rows[] = {
		{"log_lines_dropped_total", "counter", "Log lines that could not be written.",
			p->log_lines_dropped},
		{"process_resident_memory_bytes", "gauge", "Resident memory.", p->resident_bytes},
		{"process_open_fds", "gauge", "Open file descriptors.", p->open_fds},
		{"process_max_fds", "gauge", "The most file descriptors that may be open.",
			p->max_fds},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		metrics_write_head(out, rows[i].name, rows[i].type, rows[i].help);
		buf_printf(out, "adit_%s %" PRIu64 "\n", rows[i].name, rows[i].value);
	}
	if (p->has_store) {
		metrics_write_head(out, "store_up", "gauge",
			"Whether accounts, keys and names can be changed.");
		buf_printf(out, "adit_store_up %d\n", p->store_is_well);
	}
	metrics_write_head(out, "process_start_time_seconds", "gauge",
		"When the process started, in seconds since 1970.");
	buf_append_str(out, "adit_process_start_time_seconds ");
	metrics_write_seconds(out, p->start_ms * 1000);
	metrics_write_head(
		out, "process_uptime_seconds", "gauge", "How long the process has been running.");
	buf_append_str(out, "adit_process_uptime_seconds ");
	metrics_write_seconds(out, up_ms * 1000);
	metrics_write_head(out, "build_info", "gauge", "Always 1; says which version runs.");
	buf_append_str(out, "adit_build_info{version=\"" ADIT_VERSION "\"} 1\n");
}

void metrics_write(struct buf *out, const struct metrics *const *all, size_t count,
	const struct metrics_process *process)
{
	metrics_write_rows(out, all, count);
	for (size_t id = 0; id < METRIC_TIME_COUNT; id++)
		metrics_write_time(out, all, count, (enum metric_time)id);
	metrics_write_process(out, process);
}
