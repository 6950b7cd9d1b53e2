/* Tunnels on lanes whose relay is a test: what is said, and what is answered. */
#ifndef AGENT_REGISTRATION_RIG_H
#define AGENT_REGISTRATION_RIG_H

#include "agent/registration.h"
#include "base/attr.h"
#include "wire/control.h"

struct fixture {
	struct registrations r;
	struct registration *reg; /* of the last answer */
	uint64_t now;
};

/* The list heads must not move. */
#define BEGIN(f, lanes)                                                                            \
	struct fixture f = begin(lanes);                                                           \
	list_init(&f.r.wanted);                                                                    \
	list_init(&f.r.leaving)

struct fixture begin(unsigned lanes);
struct tunnel_spec http(const char *label, const char *subdomain);
struct tunnel_spec tcp(const char *label, uint16_t port);
void set(struct fixture *f, const struct tunnel_spec *specs, size_t count);
void set_one(struct fixture *f, struct tunnel_spec spec);
void assert_says(struct fixture *f, unsigned lane, const char *expected);
enum registration_event take(struct fixture *f, unsigned lane, struct control c);

#define TEXT(literal) ((char *)(uintptr_t)(literal))
#define REGISTERED(n, its_name)                                                                    \
	((struct control) {.type = CONTROL_REGISTERED,                                             \
		.tunnel = n,                                                                       \
		.name = TEXT(its_name),                                                            \
		.url = TEXT("https://" its_name ".example.com")})
#define REGISTERED_TCP(n, its_port)                                                                \
	((struct control) {.type = CONTROL_REGISTERED,                                             \
		.tunnel = n,                                                                       \
		.proto = CONTROL_TCP,                                                              \
		.port = its_port,                                                                  \
		.url = TEXT("tcp://example.com:" #its_port)})
#define REFUSED(n, its_code, for_ever)                                                             \
	((struct control) {                                                                        \
		.type = CONTROL_ERROR, .tunnel = n, .code = TEXT(its_code), .fatal = for_ever})
#define CLOSED(n) ((struct control) {.type = CONTROL_CLOSED, .tunnel = n})

#endif
