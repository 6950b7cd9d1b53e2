/*
 * getaddrinfo on libuv's threads. A resolve that was cancelled while its question was out is an
 * orphan until the answer comes, and speaks to nobody.
 */
#include "io/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <uv.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/loop.h"

struct resolve {
	uv_getaddrinfo_t request;
	struct loop_task task; /* tells of a question that could not be asked */
	resolve_done_fn done; /* NULL: cancelled */
	void *ctx; /* borrowed */
	int refused; /* libuv's error for such a question */
	uint16_t port;
	bool is_orphan;
};

void resolve_interleave(struct addr *addrs, size_t count)
{
	sa_family_t want = count ? addrs[0].storage.ss_family : AF_UNSPEC;

	for (size_t i = 0; i < count; i++) {
		size_t at = i;
		struct addr chosen;

		while (at < count && addrs[at].storage.ss_family != want)
			at++;
		if (at == count)
			return; /* the other family is used up */
		chosen = addrs[at];
		memmove(&addrs[i + 1], &addrs[i], (at - i) * sizeof(addrs[0]));
		addrs[i] = chosen;
		want = want == AF_INET ? AF_INET6 : AF_INET;
	}
}

static bool resolve_has(const struct addr *addrs, size_t count, const struct addr *one)
{
	for (size_t i = 0; i < count; i++) {
		if (addrs[i].len == one->len &&
			memcmp(&addrs[i].storage, &one->storage, one->len) == 0)
			return true;
	}
	return false;
}

static size_t resolve_collect(
	const struct addrinfo *info, uint16_t port, struct addr addrs_out[RESOLVE_MAX])
{
	size_t count = 0;

	for (; info && count < RESOLVE_MAX; info = info->ai_next) {
		struct addr *addr = &addrs_out[count];

		if (info->ai_family != AF_INET && info->ai_family != AF_INET6)
			continue;
		memset(addr, 0, sizeof(*addr));
		memcpy(&addr->storage, info->ai_addr, info->ai_addrlen);
		addr->len = info->ai_addrlen;
		/* Both families have the port in the same place. */
		((struct sockaddr_in *)&addr->storage)->sin_port = htons(port);
		count += !resolve_has(addrs_out, count, addr);
	}
	resolve_interleave(addrs_out, count);
	return count;
}

static void resolve_explain(int uv_error, struct resolve_result *result)
{
	switch (uv_error) {
	case UV_EAI_NONAME:
	case UV_EAI_NODATA:
	case UV_EAI_ADDRFAMILY:
		result->err = ERR_NOT_FOUND;
		result->why = "there is no such host";
		break;
	case UV_EAI_AGAIN:
		result->err = ERR_TIMEOUT;
		result->why = "no name server answers";
		break;
	case UV_EINVAL:
	case UV_ENAMETOOLONG:
		result->err = ERR_SYNTAX;
		result->why = "this is not the name of a host";
		break;
	default:
		result->err = ERR_SYSTEM;
		result->why = uv_strerror(uv_error);
		break;
	}
}

static void resolve_finish(struct resolve *r, int uv_error, const struct addrinfo *info)
{
	struct addr addrs[RESOLVE_MAX];
	struct resolve_result result = {.addrs = addrs};

	if (r->done) {
		if (!uv_error)
			result.count = resolve_collect(info, r->port, addrs);
		if (!result.count)
			resolve_explain(uv_error ? uv_error : UV_EAI_NODATA, &result);
		r->done(r->ctx, &result);
	}
	mem_free(r);
}

static void resolve_on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *info)
{
	struct resolve *r = request->data;

	if (r->is_orphan)
		loop_count_orphan(loop_of_uv(request->loop), -1);
	resolve_finish(r, status, info);
	uv_freeaddrinfo(info);
}

static void resolve_on_refused(struct loop_task *task)
{
	struct resolve *r = CONTAINER_OF(task, struct resolve, task);

	resolve_finish(r, r->refused, NULL);
}

struct resolve *resolve_start(
	struct loop *loop, const char *host, uint16_t port, resolve_done_fn done, void *ctx)
{
	static const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
	struct resolve *r = MEM_NEW(struct resolve);

	r->done = done;
	r->ctx = ctx;
	r->port = port;
	r->request.data = r;
	loop_task_init(&r->task, resolve_on_refused);
	r->refused =
		uv_getaddrinfo(loop_uv(loop), &r->request, resolve_on_answer, host, NULL, &hints);
	if (r->refused)
		loop_defer(loop, &r->task);
	return r;
}

void resolve_cancel(struct resolve **r_ptr)
{
	struct resolve *r = *r_ptr;

	if (!r)
		return;
	*r_ptr = NULL;
	r->done = NULL;
	/* What is not running yet ends sooner; the callback comes in any case. */
	if (r->refused || uv_cancel((uv_req_t *)&r->request) == 0)
		return;
	r->is_orphan = true;
	loop_count_orphan(loop_of_uv(r->request.loop), 1);
}
