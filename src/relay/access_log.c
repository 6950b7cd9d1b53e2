/* Line builders without printf: this runs once per request, at some hundred nanoseconds. */
#include "relay/access_log.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/log_text.h"
#include "base/mem.h"
#include "base/num.h"

#define ACCESS_TEXTS 6u /* the slices of a record */
#define ACCESS_LINE_ROOM (ACCESS_TEXTS * LOG_TEXT_ROOM + 512)
#define ACCESS_BUF_MAX (2 * ACCESS_LOG_FLUSH)

struct access_log {
	struct log *log; /* borrowed */
	bool is_json;
	uint64_t count; /* lines in the buffer */
	struct buf lines;
	struct log_text_clock clock;
};

static const struct slice access_ends[] = {
	[ACCESS_COMPLETE] = SLICE("complete"),
	[ACCESS_VISITOR] = SLICE("visitor"),
	[ACCESS_AGENT] = SLICE("agent"),
	[ACCESS_RELAY] = SLICE("relay"),
};

static inline char *access_put(char *out, struct slice s)
{
	memcpy(out, s.ptr, s.len);
	return out + s.len;
}

static char *access_put_number(char *out, uint64_t value)
{
	return out + num_print_u64(value, out);
}

/* Milliseconds with three decimals. */
static char *access_put_ms(char *out, uint64_t us)
{
	unsigned rest = (unsigned)(us % 1000);

	out = access_put_number(out, us / 1000);
	*out++ = '.';
	*out++ = (char)('0' + rest / 100);
	*out++ = (char)('0' + rest / 10 % 10);
	*out++ = (char)('0' + rest % 10);
	return out;
}

static struct slice access_path(struct slice target)
{
	/* What is beyond the cut is not shown anyway, but a cut one must look cut. */
	return slice_first(target, slice_find(slice_first(target, LOG_TEXT_CUT + 1), '?'));
}

static char *access_put_json(
	struct access_log *a, char *out, const struct access_record *record, uint64_t wall_ms)
{
	out = access_put(out, SLICE("{\"time\":\""));
	out = log_text_time_utc(&a->clock, out, wall_ms);
	out = access_put(out, SLICE("\",\"level\":\"info\",\"msg\":\"request\",\"visitor\":"));
	out = log_text_json(out, record->visitor);
	out = access_put(out, SLICE(",\"tunnel\":"));
	out = log_text_json(out, record->tunnel);
	out = access_put(out, SLICE(",\"method\":"));
	out = log_text_json(out, record->method);
	out = access_put(out, SLICE(",\"path\":"));
	out = log_text_json(out, access_path(record->path));
	out = access_put(out, SLICE(",\"status\":"));
	out = access_put_number(out, record->status);
	out = access_put(out, SLICE(",\"in\":"));
	out = access_put_number(out, record->bytes_in);
	out = access_put(out, SLICE(",\"out\":"));
	out = access_put_number(out, record->bytes_out);
	out = access_put(out, SLICE(",\"ttfb_ms\":"));
	if (record->first_byte_us == UINT64_MAX)
		out = access_put(out, SLICE("null"));
	else
		out = access_put_ms(out, record->first_byte_us);
	out = access_put(out, SLICE(",\"ms\":"));
	out = access_put_ms(out, record->duration_us);
	out = access_put(out, SLICE(",\"ended\":\""));
	out = access_put(out, access_ends[record->ended]);
	out = access_put(out, SLICE("\""));
	if (record->error_code.len) {
		out = access_put(out, SLICE(",\"error\":"));
		out = log_text_json(out, record->error_code);
	}
	out = access_put(out, SLICE(",\"id\":"));
	out = log_text_json(out, record->request_id);
	return access_put(out, SLICE("}\n"));
}

static char *access_put_plain(
	struct access_log *a, char *out, const struct access_record *record, uint64_t wall_ms)
{
	out = log_text_time_local(&a->clock, out, wall_ms);
	out = access_put(out, SLICE(" info  request  visitor="));
	out = log_text_plain(out, record->visitor);
	out = access_put(out, SLICE(" tunnel="));
	out = log_text_plain(out, record->tunnel);
	out = access_put(out, SLICE(" method="));
	out = log_text_plain(out, record->method);
	out = access_put(out, SLICE(" path="));
	out = log_text_plain(out, access_path(record->path));
	out = access_put(out, SLICE(" status="));
	out = access_put_number(out, record->status);
	out = access_put(out, SLICE(" in="));
	out = access_put_number(out, record->bytes_in);
	out = access_put(out, SLICE(" out="));
	out = access_put_number(out, record->bytes_out);
	out = access_put(out, SLICE(" ttfb_ms="));
	if (record->first_byte_us == UINT64_MAX)
		out = access_put(out, SLICE("-"));
	else
		out = access_put_ms(out, record->first_byte_us);
	out = access_put(out, SLICE(" ms="));
	out = access_put_ms(out, record->duration_us);
	out = access_put(out, SLICE(" ended="));
	out = access_put(out, access_ends[record->ended]);
	if (record->error_code.len) {
		out = access_put(out, SLICE(" error="));
		out = log_text_plain(out, record->error_code);
	}
	out = access_put(out, SLICE(" id="));
	out = log_text_plain(out, record->request_id);
	return access_put(out, SLICE("\n"));
}

struct access_log *access_log_new(struct log *log)
{
	struct access_log *a = MEM_NEW(struct access_log);

	a->log = log;
	a->is_json = log_get_format(log) == LOG_FORMAT_JSON;
	buf_init(&a->lines);
	buf_reserve(&a->lines, ACCESS_BUF_MAX);
	return a;
}

void access_log_free(struct access_log **access)
{
	struct access_log *a = *access;

	if (!a)
		return;
	*access = NULL;
	access_log_flush(a);
	buf_release(&a->lines);
	mem_free(a);
}

bool access_log_put(struct access_log *a, const struct access_record *record, uint64_t wall_ms)
{
	char *start, *end;

	if (!log_wants(a->log, LOG_INFO))
		return false;
	if (buf_len(&a->lines) + ACCESS_LINE_ROOM > ACCESS_BUF_MAX)
		access_log_flush(a);
	start = buf_reserve(&a->lines, ACCESS_LINE_ROOM);
	if (a->is_json)
		end = access_put_json(a, start, record, wall_ms);
	else
		end = access_put_plain(a, start, record, wall_ms);
	buf_commit(&a->lines, (size_t)(end - start));
	a->count++;
	return buf_len(&a->lines) >= ACCESS_LOG_FLUSH;
}

void access_log_flush(struct access_log *a)
{
	log_put_lines(a->log, &a->lines, a->count);
	a->count = 0;
}
