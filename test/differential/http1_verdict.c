/*
 * Says what the codec makes of messages, for run.mjs to compare with another reader. On standard
 * input: records of a kind (one byte), a length (four bytes, little endian) and the message. On
 * standard output, a line for each: the outcome, the fault, how many bytes the message has, what
 * was understood and the content, both in hexadecimal.
 */
#include <endian.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "proto/http_host.h"
#include "support/http1_walk.h"

#define VERDICT_SIZE_MAX (1u << 20)

enum verdict_kind { VERDICT_REQUEST = 'q', VERDICT_RESPONSE = 'r', VERDICT_TO_HEAD = 'h' };

static const struct http1_limits verdict_limits = {8192, 16384, 100};

static void verdict_print_hex(struct slice s)
{
	putchar(' ');
	putchar('x');
	for (size_t i = 0; i < s.len; i++)
		printf("%02x", (unsigned char)s.ptr[i]);
}

/* The relay refuses a target that it cannot route, which is beyond the parser of heads. */
static bool verdict_is_target_good(struct slice bytes)
{
	static struct http_head head;
	struct http1_parser parser = {0};
	struct http_target target;
	struct http_host host;

	if (http1_parse_request(&parser, bytes, &verdict_limits, &head) != PARSE_DONE)
		return true;
	if (head.method_id == HTTP_CONNECT)
		return http_host_parse(head.target, &host) == 0;
	if (http_target_parse(head.target, &target) < 0)
		return false;
	return target.form != HTTP_TARGET_ABSOLUTE || http_host_parse(target.authority, &host) == 0;
}

static void verdict_print(enum verdict_kind kind, struct slice bytes)
{
	static struct http1_walk w;
	const char *outcome = "more";

	http1_walk_init(&w, kind != VERDICT_REQUEST, &verdict_limits);
	w.method = kind == VERDICT_TO_HEAD ? HTTP_HEAD : HTTP_GET;
	http1_walk_feed(&w, bytes);
	http1_walk_close(&w);
	if (kind == VERDICT_REQUEST && !w.fault && !verdict_is_target_good(bytes))
		w.fault = HTTP_FAULT_TARGET_INVALID;
	if (w.fault)
		outcome = "refuse";
	else if (w.state == HTTP1_WALK_END)
		outcome = "accept";
	printf("%s %d %zu", outcome, w.fault, w.size);
	verdict_print_hex(buf_slice(&w.text));
	verdict_print_hex(buf_slice(&w.content));
	putchar('\n');
	http1_walk_deinit(&w);
}

int main(void)
{
	unsigned char head[5];
	uint32_t size;
	char *bytes;

	while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
		memcpy(&size, head + 1, sizeof(size));
		size = le32toh(size);
		CHECK(size <= VERDICT_SIZE_MAX);
		bytes = mem_alloc(size);
		CHECK(fread(bytes, 1, size, stdin) == size);
		verdict_print((enum verdict_kind)head[0], slice_of(bytes, size));
		mem_free(bytes);
	}
	return 0;
}
