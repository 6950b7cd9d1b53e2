/*
 * The addresses that are told to people: of a tunnel, and of the relay itself. Pure: the options
 * and the host that the request came in by decide.
 */
#ifndef RELAY_PUBLIC_URL_H
#define RELAY_PUBLIC_URL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct http_host;
struct relay_conf;

/*
 * The host in front of which a tunnel's name is put, without a port:
 *
 * - the configured domain, when there is one: nothing else routes to tunnels then, whatever name
 *   the relay or its admin port was reached by;
 * - else the host of the request, as canonical text;
 * - but "localhost" when that is an IP address or missing: "name.10.0.0.1" resolves nowhere and
 *   "name.[::1]" is not even a URL, while every browser and curl takes "name.localhost" to the
 *   machine it runs on, which is right on the relay's own machine and harmless elsewhere.
 *
 * request_host may be NULL. The result is borrowed from the arguments.
 */
struct slice public_base_host(const struct relay_conf *conf, const struct http_host *request_host);
/*
 * scheme://name.host[:port]. The port is the proxy-port option of the scheme, else listen_port:
 * the port visitors come in by, also when the request came in by the admin port. 0 means
 * conf->port. 80 and 443 are left out where they are the scheme's own.
 */
void public_url_write(struct buf *out, const struct relay_conf *conf, struct slice name,
	const struct http_host *request_host, uint16_t listen_port);
/* The relay as the request reached it (an IP address stays one), without a port. */
void public_url_write_host(
	struct buf *out, const struct relay_conf *conf, const struct http_host *request_host);
/*
 * What a client gives as its --host: the relay itself, as the request reached it (an IP address
 * stays one), with the admin port when there is one.
 */
void public_url_write_base(struct buf *out, const struct relay_conf *conf,
	const struct http_host *request_host, uint16_t listen_port);

#endif
