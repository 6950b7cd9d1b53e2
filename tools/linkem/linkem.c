/* linkem - a userspace WAN link emulator.
 *
 * Two network namespaces, one TUN device in each, and this process as the wire
 * between them. Build: cc -O2 -o linkem linkem.c. Usage: linkem --help, README.md.
 *
 * One thread. Each direction is a small pipeline:
 *   TUN read -> outage, loss -> drop-tail queue -> serialiser (rate)
 *            -> flight list ordered by due time (delay, jitter) -> TUN write
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, TEXT = 512, MAX_MTU = 65520 };

/* ------------------------------------------------------------- basics --- */

static char last_error[2 * TEXT];

/* Record why something failed; "return fail(...)" is the error idiom here. */
__attribute__((format(printf, 1, 2))) static bool fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(last_error, sizeof last_error, format, args);
	va_end(args);
	return false;
}

static uint64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double random_unit(uint64_t *state) /* splitmix64, as a number in [0, 1) */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* --------------------------------------------------------- parameters --- */

/* Times in ns, loss a probability, rate in bit/s (0 is unlimited), sizes in bytes. */
union params {
	struct {
		double delay, jitter, loss, rate, queue, reorder, mtu, memory, seed;
	};
	double value[9]; /* the same, in the order of fields[] */
};

struct unit {
	const char *suffix;
	double scale;
};
static const struct unit time_units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {0}};
static const struct unit rate_units[] = {{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {0}};
static const struct unit size_units[] = {{"", 1}, {"k", 1024}, {"m", 1 << 20}, {"g", 1 << 30}, {0}};
static const struct unit loss_units[] = {{"%", 0.01}, {0}};

static const struct field {
	const char *name, *json, *example;
	const struct unit *units;
	double low, high;
	bool fixed; /* cannot change while the link runs */
} fields[] = {{"delay", "delay_ns", "25ms (up to 60s)", time_units, 0, 60e9, false},
	{"jitter", "jitter_ns", "500us (up to 60s)", time_units, 0, 60e9, false},
	{"loss", "loss", "0.5%", loss_units, 0, 1, false},
	{"rate", "rate_bit_s", "100mbit", rate_units, 0, 1e12, false},
	{"queue", "queue_limit_bytes", "256k", size_units, 0, 1e12, false},
	{"reorder", "reorder", "0 or 1", size_units, 0, 1, false},
	{"mtu", "mtu", "1500 (68 to 65520)", size_units, 68, MAX_MTU, true},
	{"memory", "memory_bytes", "64m (1m or more)", size_units, 1 << 20, 1e12, true},
	{"seed", "seed", "42", size_units, 0, 0x1p53, true}, {0}};

static const struct field *find_field(const char *name, size_t len)
{
	const struct field *f = fields;
	while (f->name && (strlen(f->name) != len || memcmp(f->name, name, len) != 0))
		f++;
	return f->name ? f : NULL;
}

/* "25ms" in a field with time_units -> 25e6. A bare 0 needs no unit. */
static bool parse_value(const struct field *f, const char *text, union params *out)
{
	char *end;
	double number = strtod(text, &end);
	for (const struct unit *u = f->units; end != text && u->suffix; u++) {
		double value = out->value[f - fields] = number * u->scale;
		if ((strcasecmp(end, u->suffix) == 0 || (number == 0 && !*end)) &&
			value >= f->low && value <= f->high)
			return true;
	}
	return fail("%s '%s': expected a value such as %s", f->name, text, f->example);
}

/* ------------------------------------------------------- packet lists --- */

struct packet {
	struct packet *next, *prev;
	uint64_t due;
	uint32_t len;
	uint8_t data[];
};
struct list {
	struct packet *head, *tail;
	uint64_t packets, bytes;
};

/* Insert by due time, after equals; from the tail, where nearly all belong. */
static void list_add(struct list *l, struct packet *k)
{
	struct packet *before = l->tail;
	while (before && before->due > k->due)
		before = before->prev;
	k->prev = before;
	k->next = before ? before->next : l->head;
	*(k->next ? &k->next->prev : &l->tail) = k;
	*(before ? &before->next : &l->head) = k;
	l->packets++;
	l->bytes += k->len;
}

static struct packet *list_pop(struct list *l)
{
	struct packet *k = l->head;
	l->head = k->next;
	*(l->head ? &l->head->prev : &l->tail) = NULL;
	l->packets--;
	l->bytes -= k->len;
	return k;
}

/* ------------------------------------------------- one link direction --- */

/* The formatter would move these line ends on each time. */
/* clang-format off */
#define COUNTERS(X) \
	X(rx_packets) X(rx_bytes) X(tx_packets) X(tx_bytes) X(dropped_loss) X(dropped_queue) \
	X(dropped_cut) X(dropped_memory) X(dropped_write) \
	X(late_sum_ns) X(late_max_ns) X(late_over_200us)
/* clang-format on */
#define FIELD(name) uint64_t name;
struct counters {
	COUNTERS(FIELD)
}; /* late: past the due time */

struct direction {
	const char *name;
	int in, out; /* TUN fds */
	bool cut, broken; /* broken: the TUN device went away */
	union params par;
	struct list queue, flight; /* waiting for the serialiser; on the way */
	uint64_t link_free; /* when the serialiser can take the next packet */
	struct packet *spare; /* buffers to use again, the warmest first */
	uint64_t loss_random, jitter_random;
	struct counters count;
};

/* Count what became of a packet, and free it. */
static void finish(struct direction *d, struct packet *k, uint64_t *counter)
{
	++*counter;
	k->next = d->spare;
	d->spare = k;
}

/* Serialise k from time start on, then put it in flight. */
static void transmit(struct direction *d, struct packet *k, uint64_t start)
{
	const union params *p = &d->par;
	double delay = p->delay + p->jitter * (2 * random_unit(&d->jitter_random) - 1);
	d->link_free = start + (p->rate > 0 ? (uint64_t)(k->len * 8e9 / p->rate) : 0);
	k->due = d->link_free + (delay > 0 ? (uint64_t)delay : 0);
	if (p->reorder <= 0 && d->flight.tail && k->due < d->flight.tail->due)
		k->due = d->flight.tail->due;
	list_add(&d->flight, k);
}

/* Move on the packets whose turn at the serialiser came by now. Start times are
 * computed, not observed, so calling this late costs no accuracy. */
static void advance_queue(struct direction *d, uint64_t now)
{
	while (d->queue.head && (d->par.rate <= 0 || d->link_free <= now))
		transmit(d, list_pop(&d->queue), d->par.rate > 0 ? d->link_free : now);
}

static void accept_packet(struct direction *d, struct packet *k, uint64_t now)
{
	const union params *p = &d->par;
	struct counters *c = &d->count;
	double held = (double)(d->queue.packets + d->flight.packets) * (sizeof *k + p->mtu);
	c->rx_packets++;
	c->rx_bytes += k->len;
	advance_queue(d, now);
	if (d->cut) {
		finish(d, k, &c->dropped_cut);
	} else if (p->loss > 0 && random_unit(&d->loss_random) < p->loss) {
		finish(d, k, &c->dropped_loss);
	} else if (held > p->memory) {
		finish(d, k, &c->dropped_memory);
	} else if (p->rate <= 0 || d->link_free <= now) {
		transmit(d, k, now);
	} else if ((double)(d->queue.bytes + k->len) > p->queue) {
		finish(d, k, &c->dropped_queue);
	} else {
		k->due = 0; /* all equal: first in, first out */
		list_add(&d->queue, k);
	}
}

/* Read a batch of packets; true if there was any. */
static bool pump_in(struct direction *d)
{
	for (int n = 0; n < BATCH; n++) {
		struct packet *k = d->spare;
		if (!k && !(k = d->spare = calloc(1, sizeof *k + (size_t)d->par.mtu)))
			return n > 0;
		ssize_t len = read(d->in, k->data, (size_t)d->par.mtu);
		if (len <= 0) {
			d->broken = len < 0 && errno != EAGAIN && errno != EINTR;
			return n > 0;
		}
		d->spare = k->next;
		k->len = (uint32_t)len;
		accept_packet(d, k, clock_ns());
	}
	return true;
}

static void deliver(struct direction *d, struct packet *k, uint64_t late)
{
	struct counters *c = &d->count;
	bool ok = write(d->out, k->data, k->len) == (ssize_t)k->len;
	c->tx_bytes += ok ? k->len : 0;
	c->late_sum_ns += late;
	c->late_max_ns = late > c->late_max_ns ? late : c->late_max_ns;
	c->late_over_200us += late > 200000;
	finish(d, k, ok ? &c->tx_packets : &c->dropped_write);
}

/* Write a batch of packets that are due; true if there was any. */
static bool pump_out(struct direction *d)
{
	uint64_t now = clock_ns();
	int n = 0;
	advance_queue(d, now);
	for (; n < BATCH && d->flight.head && d->flight.head->due <= now; n++, now = clock_ns()) {
		struct packet *k = list_pop(&d->flight);
		deliver(d, k, now - k->due);
	}
	return n > 0;
}

/* No packet of this direction can be due before this time. */
static uint64_t next_wake(const struct direction *d)
{
	uint64_t wake = d->flight.head ? d->flight.head->due : UINT64_MAX;
	double least = d->par.delay - d->par.jitter;
	uint64_t queue_wake = d->link_free + (least > 0 ? (uint64_t)least : 0);
	return d->queue.head && queue_wake < wake ? queue_wake : wake;
}

static bool set_cut(struct direction *d, bool cut)
{
	d->cut = cut;
	while (cut && d->queue.head)
		finish(d, list_pop(&d->queue), &d->count.dropped_cut);
	while (cut && d->flight.head)
		finish(d, list_pop(&d->flight), &d->count.dropped_cut);
	return true;
}

/* ------------------------------------------------- namespaces, devices --- */

struct side {
	const char *name, *ns, *first_ip;
	char ip[64];
	bool made_ns;
	int tun;
};

struct emulator {
	struct side side[2]; /* left, right */
	struct direction dir[2]; /* left to right, right to left */
	union params par;
	const char *dev, *socket_path;
	int signal_fd, control_fd;
};

/* Run a shell command; the first line it prints explains a failure. The words put
 * into commands have passed check_word(). */
__attribute__((format(printf, 1, 2))) static bool shell(const char *format, ...)
{
	char command[2 * TEXT], line[TEXT] = "";
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	FILE *out = popen(command, "r");
	if (!out || !fgets(line, sizeof line, out))
		snprintf(line, sizeof line, "command failed: %.400s", command);
	line[strcspn(line, "\n")] = '\0';
	return (out && pclose(out) == 0) || fail("%s", line);
}

static bool check_word(const char *text, size_t size)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:/";
	return *text && *text != '-' && strlen(text) < size && !text[strspn(text, letters)];
}

/* Replace the address. The old one goes last, so that routes over the link can stay. */
static bool set_address(struct emulator *e, struct side *s, const char *ip)
{
	char old[TEXT] = "";
	if (!check_word(ip, sizeof s->ip) || !strchr(ip, '/'))
		return fail("'%s': expected ADDRESS/LENGTH such as 10.200.0.1/24", ip);
	if (*s->ip)
		snprintf(old, sizeof old, "ip -n $N addr del %s dev $D ||:", s->ip);
	if (!shell("(set -e; N=%s D=%s; ip -n $N addr add %s dev $D; "
		   "ip -n $N -%d route replace default dev $D metric 4096; %s) 2>&1",
		    s->ns, e->dev, ip, strchr(ip, ':') ? 6 : 4, old))
		return false;
	return snprintf(s->ip, sizeof s->ip, "%s", ip) > 0;
}

static bool setup_side(struct emulator *e, struct side *s)
{
	struct ifreq r = {.ifr_name = "linkem%d", .ifr_flags = IFF_TUN | IFF_NO_PI};
	char path[TEXT];
	if (!s->ns || !check_word(s->ns, 64) || !check_word(e->dev, sizeof r.ifr_name) ||
		(s != e->side && strcmp(s->ns, e->side[0].ns) == 0))
		return fail("--left-ns, --right-ns (not the same) and --dev must be plain names");
	snprintf(path, sizeof path, "/run/netns/%s", s->ns);
	if (access(path, F_OK) != 0 && !(s->made_ns = shell("ip netns add %s 2>&1", s->ns)))
		return false;
	s->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->tun < 0 || ioctl(s->tun, TUNSETIFF, &r) != 0)
		return fail("cannot create a TUN device: %s", strerror(errno));
	/* addrgenmode: no link-local chatter; promotion keeps routes when an address goes. */
	return shell("(set -e; export N=%s D=%s; ip link set %s netns $N name $D; ip netns exec $N"
		     " sh -ec 'ip link set lo up; ip link set $D mtu %.0f txqueuelen 10000;"
		     "ip link set $D addrgenmode none ||:; ip link set $D up;"
		     "echo 1 >/proc/sys/net/ipv4/conf/$D/promote_secondaries') 2>&1",
		       s->ns, e->dev, r.ifr_name, e->par.mtu) &&
		set_address(e, s, s->first_ip);
}

static void remove_side(struct side *s)
{
	if (s->tun >= 0)
		close(s->tun); /* the device is not persistent: this deletes it */
	if (s->made_ns && !shell("ip netns del %s 2>&1", s->ns))
		fprintf(stderr, "linkem: %s\n", last_error);
}

/* ---------------------------------------------------- run-time control --- */

static bool command_stats(const struct emulator *e, FILE *out)
{
	fprintf(out, "{\"left_ip\":\"%s\",\"right_ip\":\"%s\"", e->side[0].ip, e->side[1].ip);
	for (const struct direction *d = e->dir; d < e->dir + 2; d++) {
		fprintf(out, ",\"%s\":{\"cut\":%s", d->name, d->cut ? "true" : "false");
#define PRINT(name) fprintf(out, ",\"" #name "\":%" PRIu64, d->count.name);
		COUNTERS(PRINT)
		fprintf(out,
			",\"queued_packets\":%" PRIu64 ",\"queued_bytes\":%" PRIu64
			",\"in_flight_packets\":%" PRIu64,
			d->queue.packets, d->queue.bytes, d->flight.packets);
		for (const struct field *f = fields; f->name; f++)
			fprintf(out, ",\"%s\":%.16g", f->json, d->par.value[f - fields]);
		fputs("}", out);
	}
	return fputs("}\n", out) >= 0;
}

/* All of "name=value ..." is checked before any of it takes effect. */
static bool command_set(struct direction *d, char *const *words)
{
	union params fresh = d->par;
	for (; *words; words++) {
		size_t len = strcspn(*words, "=");
		const struct field *f = find_field(*words, len);
		if (!f || f->fixed || !(*words)[len])
			return fail("cannot set '%s' (see linkem --help)", *words);
		if (!parse_value(f, *words + len + 1, &fresh))
			return false;
	}
	advance_queue(d, clock_ns()); /* the old parameters hold up to now */
	d->par = fresh;
	return true;
}

static bool run_command(struct emulator *e, char *const *words, FILE *out)
{
	const char *verb = *words ? *words++ : "nothing";
	if (strcmp(verb, "stats") == 0 && !*words)
		return command_stats(e, out);
	for (int i = 0; i < 2 && strcmp(verb, "readdr") == 0 && words[0] && words[1]; i++)
		if (strcmp(words[0], e->side[i].name) == 0)
			return set_address(e, &e->side[i], words[1]);
	bool l2r = *words && strcmp(*words, "l2r") == 0, r2l = *words && strcmp(*words, "r2l") == 0;
	words += l2r || r2l;
	bool set = strcmp(verb, "set") == 0 && *words, cut = strcmp(verb, "cut") == 0, ok = true;
	if (!set && (*words || (!cut && strcmp(verb, "restore") != 0)))
		return fail("cannot do '%s' with these arguments (see linkem --help)", verb);
	for (int i = r2l; ok && i < 2 - l2r; i++)
		ok = set ? command_set(&e->dir[i], words) : set_cut(&e->dir[i], cut);
	return ok;
}

static void serve_request(struct emulator *e)
{
	char line[TEXT], *words[16] = {0}, reply[8 * TEXT] = "", *save = NULL;
	struct sockaddr_un from;
	socklen_t size = sizeof from;
	ssize_t len = recvfrom(e->control_fd, line, sizeof line - 1, MSG_DONTWAIT,
		(struct sockaddr *)&from, &size);
	if (len < 0)
		return;
	line[len] = '\0';
	for (int n = 0; n < 15 && (words[n] = strtok_r(n ? NULL : line, " \t\r\n", &save)); n++)
		;
	FILE *out = fmemopen(reply, sizeof reply, "w");
	if (!run_command(e, words, out))
		fprintf(out, "error: %s", last_error);
	else if (ftell(out) == 0)
		fputs("ok\n", out);
	fclose(out);
	sendto(e->control_fd, reply, strlen(reply), MSG_DONTWAIT, (struct sockaddr *)&from, size);
}

/* A datagram socket with its own path; requests and replies are one datagram each. */
static bool open_socket(const char *path, int *fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (snprintf(a.sun_path, sizeof a.sun_path, "%s", path) >= (int)sizeof a.sun_path)
		return fail("socket path %s is too long", path);
	*fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (connect(*fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fail("socket %s is in use", path);
	if (errno == ECONNREFUSED)
		unlink(path); /* left behind by a killed process */
	return bind(*fd, (struct sockaddr *)&a, sizeof a) == 0 ||
		fail("cannot make socket %s: %s", path, strerror(errno));
}

/* ------------------------------------------------------------ the link --- */

/* Sleep until a packet is due or something arrives; true on a signal to stop. */
static bool wait_events(struct emulator *e, bool busy)
{
	struct pollfd f[] = {{e->signal_fd, POLLIN, 0}, {e->control_fd, POLLIN, 0},
		{e->dir[0].in, POLLIN, 0}, {e->dir[1].in, POLLIN, 0}};
	uint64_t a = next_wake(&e->dir[0]), b = next_wake(&e->dir[1]), now = clock_ns();
	uint64_t wake = a < b ? a : b, ns = busy || wake <= now ? 0 : wake - now;
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
	ppoll(f, sizeof f / sizeof *f, !busy && wake == UINT64_MAX ? NULL : &t, NULL);
	if (f[1].revents)
		serve_request(e);
	return f[0].revents != 0;
}

static bool run_link(struct emulator *e)
{
	struct direction *a = &e->dir[0], *b = &e->dir[1];
	for (unsigned round = 1;; round++) {
		bool busy = pump_in(a) + pump_in(b) + pump_out(a) + pump_out(b) > 0;
		if (a->broken || b->broken)
			return fail("TUN device %s has gone away", e->dev);
		if ((!busy || round % 16 == 0) && wait_events(e, busy))
			return true;
	}
}

static bool up(struct emulator *e)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	e->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	prctl(PR_SET_TIMERSLACK, 1); /* ns; the default is 50 us */
	nice(-10);
	bool ok = setup_side(e, &e->side[0]) && setup_side(e, &e->side[1]) &&
		open_socket(e->socket_path, &e->control_fd);
	if (ok) {
		for (uint64_t i = 0, seed = (uint64_t)e->par.seed * 4; i < 2; i++)
			e->dir[i] = (struct direction) {.name = i == 0 ? "l2r" : "r2l",
				.par = e->par,
				.in = e->side[i].tun,
				.out = e->side[1 - i].tun,
				.loss_random = seed + i,
				.jitter_random = seed + 2 + i};
		printf("linkem: ready socket=%s seed=%.0f\n", e->socket_path, e->par.seed);
		fflush(stdout);
		ok = run_link(e);
		unlink(e->socket_path);
	}
	remove_side(&e->side[0]);
	remove_side(&e->side[1]);
	return ok;
}

/* -------------------------------------------------------- command line --- */

static const char help[] =
	"linkem - a userspace WAN link emulator between two network namespaces\n\n"
	"  linkem up --left-ns NAME --right-ns NAME [OPTION...]   stays in the foreground\n"
	"  linkem ctl [--socket PATH] COMMAND                     controls a running link\n"
	"  linkem up --left-ns la --right-ns lb --delay 25ms --loss 0.5% --rate 100mbit\n"
	"  linkem ctl set delay=100ms loss=2%\n\n"
	"Options of up, with defaults; link parameters hold for each direction:\n"
	"  --left-ns, --right-ns NAME  namespaces of the ends; made, and removed, if absent\n"
	"  --left-ip, --right-ip ADDR/LEN  addresses (10.200.0.1/24, 10.200.0.2/24; or IPv6)\n"
	"  --dev NAME                  TUN device in both namespaces (lk0)\n"
	"  --socket PATH               control socket (/run/linkem.sock)\n"
	"  --delay TIME                one-way delay in us, ms or s (0)\n"
	"  --jitter TIME               uniform +/- TIME around the delay, order kept (0)\n"
	"  --reorder                   let jitter reorder packets\n"
	"  --loss PERCENT              random loss, such as 0.5% (0)\n"
	"  --rate RATE                 of IP packets in kbit, mbit or gbit; 0: no limit (0)\n"
	"  --queue BYTES               drop-tail queue before the rate limit (256k)\n"
	"  --mtu BYTES                 68 to 65520 (1500)\n"
	"  --memory BYTES              most memory for packets, per direction (64m)\n"
	"  --seed N                    seed of loss and jitter (random, printed)\n\n"
	"Commands of ctl (l2r, r2l: that direction only):\n"
	"  cut, restore [l2r|r2l]      drop everything silently, also in flight; end that\n"
	"  set [l2r|r2l] NAME=VALUE... delay, jitter, loss, rate, queue, reorder (0 or 1)\n"
	"  readdr left|right ADDR/LEN  replace the IP address of that end\n"
	"  stats                       counters and parameters as JSON\n";

static const struct option options[] = {{"left-ns", 1, 0, 'l'}, {"right-ns", 1, 0, 'r'},
	{"left-ip", 1, 0, 'L'}, {"right-ip", 1, 0, 'R'}, {"dev", 1, 0, 'd'}, {"socket", 1, 0, 's'},
	{"help", 0, 0, 'h'}, {"delay", 1, 0, 'p'}, {"jitter", 1, 0, 'p'}, {"loss", 1, 0, 'p'},
	{"rate", 1, 0, 'p'}, {"queue", 1, 0, 'p'}, {"mtu", 1, 0, 'p'}, {"memory", 1, 0, 'p'},
	{"seed", 1, 0, 'p'}, {"reorder", 0, 0, 'o'}, {0}};

static bool take_option(struct emulator *e, int option, const char *name, const char *value)
{
	switch (option) {
	case 'l':
		e->side[0].ns = value;
		break;
	case 'r':
		e->side[1].ns = value;
		break;
	case 'L':
		e->side[0].first_ip = value;
		break;
	case 'R':
		e->side[1].first_ip = value;
		break;
	case 'd':
		e->dev = value;
		break;
	case 's':
		e->socket_path = value;
		break;
	case 'o':
		e->par.reorder = 1;
		break;
	case 'h':
		exit(fputs(help, stdout) < 0);
	case 'p':
		return parse_value(find_field(name, strlen(name)), value, &e->par);
	default:
		return fail("see linkem --help");
	}
	return true;
}

static bool main_ctl(const char *path, char **words)
{
	char line[TEXT] = "", reply[8 * TEXT] = "", own[TEXT];
	struct sockaddr_un server = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 5};
	int fd;
	for (size_t n = 0; *words && n < sizeof line; n = strlen(line))
		snprintf(line + n, sizeof line - n, "%s ", *words++);
	snprintf(server.sun_path, sizeof server.sun_path, "%s", path);
	snprintf(own, sizeof own, "%s.%d", path, (int)getpid());
	if (!open_socket(own, &fd))
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	bool ok = connect(fd, (struct sockaddr *)&server, sizeof server) == 0 &&
		send(fd, line, strlen(line), 0) >= 0 && recv(fd, reply, sizeof reply - 1, 0) > 0;
	unlink(own);
	if (!ok)
		return fail("no linkem answers at %s: %s", path, strerror(errno));
	bool bad = strncmp(reply, "error: ", 7) == 0;
	return bad ? fail("%s", reply + 7) : fputs(reply, stdout) >= 0;
}

int main(int argc, char **argv)
{
	static struct emulator e = {
		.side = {{.name = "left", .first_ip = "10.200.0.1/24", .tun = -1},
			{.name = "right", .first_ip = "10.200.0.2/24", .tun = -1}},
		.par = {{.queue = 256 << 10, .mtu = 1500, .memory = 64 << 20}},
		.dev = "lk0",
		.socket_path = "/run/linkem.sock"};
	bool ok = true;
	e.par.seed = (double)(clock_ns() % 1000000007);
	for (int c, i = 0; ok && (c = getopt_long(argc, argv, "h", options, &i)) != -1;)
		ok = take_option(&e, c, options[i].name, optarg);
	const char *verb = optind < argc ? argv[optind] : "";
	if (ok && strcmp(verb, "ctl") == 0)
		ok = main_ctl(e.socket_path, argv + optind + 1);
	else if (ok)
		ok = strcmp(verb, "up") == 0 && optind + 1 == argc
			? up(&e)
			: fail("expected 'up' or 'ctl' (see linkem --help)");
	if (!ok)
		fprintf(stderr, "linkem: %s\n", last_error);
	return !ok;
}
