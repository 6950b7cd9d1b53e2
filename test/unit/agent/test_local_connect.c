/* Services behind TLS and behind unix sockets. */
#include "agent/local_connect.h"

#include "local_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "crypto/tls.h"
#include "io/stream_tcp.h"
#include "io/stream_tls.h"
#include "support/cert.h"
#include "support/stream_log.h"

static struct rig rig;
static struct tls_server *good, *misnamed;
static struct tls_tickets *tickets;
static char ca_file[CERT_PATH_MAX], no_ca_file[CERT_PATH_MAX];

static struct tls_server *server_of(const char *name, const char *san, const struct cert *ca)
{
	struct tls_server *server;
	struct buf message = {0};
	struct cert leaf;

	cert_make(&leaf, &(struct cert_spec) {.name = name, .san = san, .issuer = ca});
	assert_int_equal(
		tls_server_new(leaf.cert_file, leaf.key_file, tickets, &server, &message), 0);
	cert_forget(&leaf);
	return server;
}

static int open_certs(void **state)
{
	struct cert ca;

	tickets = tls_tickets_new();
	cert_dir_make();
	cert_make(&ca, &(struct cert_spec) {.name = "ca"});
	snprintf(ca_file, sizeof(ca_file), "%s", ca.cert_file);
	cert_path("none.pem", no_ca_file);
	good = server_of("good", "IP:127.0.0.1", &ca);
	misnamed = server_of("misnamed", "DNS:other.test", &ca);
	cert_forget(&ca);
	return 0;
}

static int close_certs(void **state)
{
	tls_server_unref(&good);
	tls_server_unref(&misnamed);
	tls_tickets_free(&tickets);
	cert_dir_remove();
	return 0;
}

static int set_up(void **state)
{
	rig_init(&rig, NULL);
	return 0;
}

static int tear_down(void **state)
{
	rig_deinit(&rig);
	return 0;
}

static void set_tls(char *trusted, enum tunnel_verify verify)
{
	rig_set(&rig,
		&(struct tunnel_spec) {.proto = TUNNEL_HTTP,
			.target.tls = true,
			.ca_file = trusted,
			.verify = verify});
}

/* The service's end of a connection, with its own TLS. */
static void accept_tls(struct stream_log *service, struct tls_server *server)
{
	struct stream *stream;
	struct tls *tls = tls_accept(server);

	assert_int_equal(stream_tcp_adopt(rig.loop, rig_accept(&rig), &stream), 0);
	stream_log_init(service, stream_tls_new(rig.loop, &stream, &tls));
	stream_read_start(service->stream);
}

static void answer_tls(struct stream_log *service, struct stream_mem *visitor)
{
	struct slice ok = SLICE(RIG_OK);

	LOOP_TURN_UNTIL(rig.loop, buf_len(&service->data) >= strlen(RIG_GET_SENT));
	assert_true(slice_eq(buf_slice(&service->data), SLICE(RIG_GET_SENT)));
	buf_clear(&service->data);
	stream_write(service->stream, &ok, 1);
	rig_expect_whole(&rig, visitor, RIG_OK);
	stream_mem_deinit(visitor);
}

static void a_tls_service_is_served_and_its_connection_kept(void **state)
{
	struct stream_log service;
	struct stream_mem visitor;

	set_tls(ca_file, TUNNEL_VERIFY_ON);
	rig_visit(&rig, &visitor, RIG_GET);
	accept_tls(&service, good);
	answer_tls(&service, &visitor);
	assert_false(rig.report.reused);
	assert_true(strstr(rig.report.target, "https://127.0.0.1:") == rig.report.target);
	assert_true(slice_eq(tls_alpn(stream_tls_get(service.stream)), SLICE("http/1.1")) ||
		tls_alpn(stream_tls_get(service.stream)).len == 0);
	for (int i = 0; i < 3; i++) {
		rig_settle(&rig); /* tickets have come */
		rig_visit(&rig, &visitor, RIG_GET);
		answer_tls(&service, &visitor);
		assert_true(rig.report.reused);
	}
	stream_log_deinit(&service);
	rig_settle(&rig);
	/* A kept connection that was closed is not taken. */
	rig_visit(&rig, &visitor, RIG_GET);
	accept_tls(&service, good);
	answer_tls(&service, &visitor);
	assert_false(rig.report.reused);
	stream_log_deinit(&service);
}

static void expect_tls_failure(struct tls_server *server, const char *message)
{
	struct stream_log service;
	struct stream_mem visitor;

	rig_visit(&rig, &visitor, RIG_GET);
	accept_tls(&service, server);
	rig_expect_failed(&rig, &visitor, "local-tls", message);
	assert_non_null(strstr(rig.message, "TLS with https://127.0.0.1:"));
	assert_string_equal(rig.report.code, "local-tls");
	stream_log_deinit(&service);
	stream_mem_deinit(&visitor);
}

static void certificates_are_verified(void **state)
{
	set_tls(NULL, TUNNEL_VERIFY_ON);
	expect_tls_failure(good, "certificate");
	set_tls(ca_file, TUNNEL_VERIFY_ON);
	expect_tls_failure(misnamed, "certificate");
}

static void verification_may_be_turned_off(void **state)
{
	struct stream_log service;
	struct stream_mem visitor;

	set_tls(NULL, TUNNEL_VERIFY_OFF);
	rig_visit(&rig, &visitor, RIG_GET);
	accept_tls(&service, misnamed);
	answer_tls(&service, &visitor);
	stream_log_deinit(&service);
}

static void a_service_without_tls_fails_the_handshake(void **state)
{
	struct stream_mem visitor;
	int fd;

	set_tls(ca_file, TUNNEL_VERIFY_ON);
	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	rig_send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
	rig_expect_failed(&rig, &visitor, "local-tls", "TLS with ");
	close(fd);
	stream_mem_deinit(&visitor);
	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	close(fd);
	rig_expect_failed(&rig, &visitor, "local-tls", "TLS with ");
	stream_mem_deinit(&visitor);
}

static void a_visitor_may_leave_during_the_handshake(void **state)
{
	struct stream_mem visitor;
	struct buf hello = {0};
	int fd;

	set_tls(ca_file, TUNNEL_VERIFY_ON);
	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	while (!buf_len(&hello)) {
		tcp_pair_receive(fd, &hello);
		loop_turn(rig.loop);
	}
	stream_mem_fail(&visitor, ERR_RESET);
	assert_true(visitor.closed);
	while (tcp_pair_receive(fd, &hello) == TCP_PAIR_OPEN)
		loop_turn(rig.loop);
	close(fd);
	buf_release(&hello);
	stream_mem_deinit(&visitor);
}

static void a_handshake_does_not_take_for_ever(void **state)
{
	struct stream_mem visitor;
	int fd;

	rig_deinit(&rig);
	rig_init(&rig, &(struct local_conf) {.connect_ms = 50, .max_streams = 2});
	set_tls(ca_file, TUNNEL_VERIFY_ON);
	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	rig_expect_failed(&rig, &visitor, "local-tls", "took too long");
	close(fd);
	stream_mem_deinit(&visitor);
}

static void a_bad_ca_file_refuses_the_tunnel(void **state)
{
	struct tunnel_spec spec = {.proto = TUNNEL_HTTP,
		.label = (char *)"web",
		.target = {.host = (char *)"127.0.0.1", .port = 1, .tls = true},
		.ca_file = no_ca_file};
	struct buf message = {0};

	assert_int_not_equal(local_add(rig.local, 9, &spec, &message), 0);
	assert_true(buf_len(&message) > 0);
	buf_release(&message);
}

static void a_unix_socket_is_a_service_as_well(void **state)
{
	char dir[] = "/tmp/test_local_connect.XXXXXX";
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stream_mem visitor;
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", dir);
	rig_stop_listening(&rig);
	rig.listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(rig.listening, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(rig.listening, 8), 0);
	rig_set(&rig, &(struct tunnel_spec) {.proto = TUNNEL_HTTP, .target.path = at.sun_path});
	rig_visit(&rig, &visitor, RIG_GET);
	fd = rig_accept(&rig);
	for (int i = 0; i < 3; i++) {
		rig_expect(&rig, fd, RIG_GET_SENT);
		rig_send(fd, RIG_OK);
		rig_expect_whole(&rig, &visitor, RIG_OK);
		stream_mem_deinit(&visitor);
		assert_int_equal(rig.report.reused, i > 0);
		rig_visit(&rig, &visitor, RIG_GET);
	}
	close(fd);
	stream_mem_fail(&visitor, ERR_RESET);
	stream_mem_deinit(&visitor);
	unlink(at.sun_path);
	rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tls_service_is_served_and_its_connection_kept),
		TEST(certificates_are_verified),
		TEST(verification_may_be_turned_off),
		TEST(a_service_without_tls_fails_the_handshake),
		TEST(a_visitor_may_leave_during_the_handshake),
		TEST(a_handshake_does_not_take_for_ever),
		TEST(a_bad_ca_file_refuses_the_tunnel),
		TEST(a_unix_socket_is_a_service_as_well),
	};

	return cmocka_run_group_tests(tests, open_certs, close_certs);
}
