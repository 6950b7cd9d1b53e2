/*
 * Visitors keep the tunnel that they began with, so it is counted. The names that go into rewritten
 * heads are made here once, and not for each request.
 */
#include "agent/local_tunnel.h"

#include "agent/local_pool.h"
#include "agent/local_priv.h"
#include "base/mem.h"
#include "crypto/tls.h"

static int local_tunnel_init_tls(struct local_tunnel *t, struct buf *message)
{
	const struct tls_client_conf conf = {
		.ca_file = t->spec.ca_file,
		.insecure = t->spec.verify == TUNNEL_VERIFY_OFF,
	};

	return t->spec.target.tls ? tls_client_new(&conf, &t->tls, message) : 0;
}

static void local_tunnel_init_names(struct local_tunnel *t)
{
	const char *host = t->spec.host_header;

	if (!host)
		return;
	if (strcmp(host, "rewrite") != 0) {
		buf_append_str(&t->host, host);
		return;
	}
	target_print_host(&t->host, &t->spec.target);
	buf_append_str(&t->origin, t->spec.target.tls ? "https://" : "http://");
	buf_append_slice(&t->origin, buf_slice(&t->host));
}

static void local_tunnel_free(struct local_tunnel *t)
{
	tls_client_free(&t->tls);
	tunnel_spec_deinit(&t->spec);
	buf_release(&t->shown);
	buf_release(&t->host);
	buf_release(&t->origin);
	mem_free(t);
}

int local_tunnel_new(struct local *l, const struct tunnel_spec *spec, struct local_tunnel **out,
	struct buf *message)
{
	struct local_tunnel *t = MEM_NEW(struct local_tunnel);
	int err;

	t->local = l;
	t->refs = 1;
	list_init(&t->kept);
	tunnel_spec_copy(&t->spec, spec);
	target_print(&t->shown, &t->spec.target, t->spec.proto);
	local_tunnel_init_names(t);
	err = local_tunnel_init_tls(t, message);
	if (err) {
		local_tunnel_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void local_tunnel_remove(struct local_tunnel **t)
{
	(*t)->removed = true;
	local_pool_clear(*t);
	local_tunnel_unref(t);
}

struct local_tunnel *local_tunnel_ref(struct local_tunnel *t)
{
	t->refs++;
	return t;
}

void local_tunnel_unref(struct local_tunnel **t)
{
	struct local_tunnel *it = *t;

	*t = NULL;
	if (it && --it->refs == 0)
		local_tunnel_free(it);
}
