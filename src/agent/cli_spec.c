/* Copies what options say into a tunnel's spec. */
#include "agent/cli_spec.h"

#include <string.h>

#include "base/mem.h"

static char *cli_spec_dup(const char *text)
{
	return text ? mem_dup_str(text, strlen(text)) : NULL;
}

int cli_spec_fill(struct tunnel_spec *spec, const struct cli_values *v, const char *label,
	struct buf *why_out)
{
	spec->label = cli_spec_dup(label);
	spec->subdomain = cli_spec_dup(v->subdomain);
	spec->remote_port = v->remote_port;
	spec->host_header = cli_spec_dup(v->host_header);
	spec->verify = v->local_verify ? TUNNEL_VERIFY_ON : TUNNEL_VERIFY_OFF;
	spec->ca_file = cli_spec_dup(v->local_ca);
	spec->proxy_protocol = v->proxy_protocol;
	return target_set_name(&spec->target, v->local_name, why_out);
}
