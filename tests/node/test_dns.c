/* Names that programs on this node ask for: with a real resolver (dnsmasq) and the C library's own
 * look-ups, each address that a program was given is a row, and nothing else is. */
#include "node.h"
#include "program.h"
#include "sockets.h"

#include <arpa/inet.h>
#include <linux/capability.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define HOSTS	   40
#define MANY	   40 /* addresses of one name: more than a datagram of 512 bytes holds */
#define TEXT_BYTES (1 << 16)
#define LINE_BYTES 160

/* In the namespace of the collector, with lo. */
static int fresh(void **state)
{
	struct node *n = node_new();

	close(n->home);
	n->home = stage_new();
	*state = n;
	return 0;
}

static int done(void **state)
{
	node_free(*state);
	return 0;
}

/* ---- the resolver ---- */

static const char *path_in(const struct node *n, const char *name)
{
	static char paths[8][128];
	static int turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", n->folder, name);
	return path;
}

static void write_hosts(const struct node *n)
{
	FILE *f = fopen(path_in(n, "hosts"), "w");

	assert_non_null(f);
	for (int i = 1; i <= HOSTS; i++)
		fprintf(f, "192.0.2.%d host%d.cover.test\n2001:db8::%x host%d.cover.test\n", i, i,
			i, i);
	for (int i = 1; i <= MANY; i++)
		fprintf(f, "198.51.100.%d many.cover.test\n", i);
	fclose(f);
}

/* At @addr of this namespace. */
static pid_t start_resolver(const struct node *n, const char *addr)
{
	char listen[64], hosts[160];
	const char *const argv[] = {"dnsmasq",
				    "--no-daemon",
				    "--conf-file=/dev/null",
				    "--no-resolv",
				    "--no-hosts",
				    "--bind-interfaces",
				    "--user=root",
				    "--pid-file=",
				    "--local=/test/",
				    "--cname=alias.cover.test,host1.cover.test",
				    "--cname=alias2.cover.test,alias.cover.test",
				    "--cname=alias3.cover.test,alias2.cover.test",
				    listen,
				    hosts,
				    NULL};
	pid_t pid;

	write_hosts(n);
	snprintf(listen, sizeof(listen), "--listen-address=%s", addr);
	snprintf(hosts, sizeof(hosts), "--addn-hosts=%s", path_in(n, "hosts"));
	pid = program_start(argv, path_in(n, "resolver.out"), path_in(n, "resolver.err"));
	for (int i = 0; i < 500; i++) {
		char *words = file_text(path_in(n, "resolver.err"));
		const bool ready = strstr(words, "read ") != NULL;

		free(words);
		if (ready)
			return pid;
		if (waitpid(pid, NULL, WNOHANG) == pid)
			break;
		usleep(10000);
	}
	fail_msg("dnsmasq did not start (is dnsmasq-base installed?); it says:\n%s",
		 file_text(path_in(n, "resolver.err")));
	return 0;
}

/* ---- look-ups ---- */

struct lookups {
	const struct node *node;
	const char *server;  /* where the C library asks */
	const char *options; /* of resolv.conf */
};

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	must(f);
	must(fputs(text, f) >= 0);
	must(fclose(f) == 0);
}

/* For this process alone: the C library asks @l->server, and nobody else. */
static void set_resolver(const struct lookups *l)
{
	char text[128];

	must(unshare(CLONE_NEWNS) == 0);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	snprintf(text, sizeof(text), "nameserver %s\noptions %s\n", l->server, l->options);
	put_file(path_in(l->node, "resolv.conf"), text);
	put_file(path_in(l->node, "nsswitch.conf"), "hosts: dns\n");
	must(mount(path_in(l->node, "resolv.conf"), "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0);
	must(mount(path_in(l->node, "nsswitch.conf"), "/etc/nsswitch.conf", NULL, MS_BIND, NULL) ==
	     0);
}

/* Writes down what a program is told: name, address, server. Returns how many addresses. */
static int look_up(FILE *out, const struct lookups *l, const char *name, int family)
{
	const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *all = NULL;
	int n = 0;

	if (getaddrinfo(name, NULL, &hints, &all))
		return 0;
	for (const struct addrinfo *a = all; a; a = a->ai_next, n++) {
		char address[INET6_ADDRSTRLEN], lower[64];
		size_t i = 0;

		must(getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0,
				 NI_NUMERICHOST) == 0);
		for (; name[i]; i++)
			lower[i] =
				name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
		lower[i] = '\0';
		fprintf(out, "%s %s %s\n", lower, address, l->server);
	}
	freeaddrinfo(all);
	return n;
}

static void part_program(struct scene *s)
{
	const struct lookups *l = (const struct lookups *)s->addr;
	FILE *out = fopen(path_in(l->node, "expected"), "a");
	char name[64];

	must(out);
	set_resolver(l);
	for (int i = 1; i <= HOSTS; i++) {
		static const int families[] = {AF_INET, AF_INET6, AF_UNSPEC};

		snprintf(name, sizeof(name), "%s%d.cover.test", i % 5 ? "host" : "HoSt", i);
		must(look_up(out, l, name, families[i % 3]) == (i % 3 == 2 ? 2 : 1));
	}
	must(look_up(out, l, "many.cover.test", AF_INET) == MANY);
	must(look_up(out, l, "alias3.cover.test", AF_INET) == 1);
	must(look_up(out, l, "alias.cover.test", AF_INET6) == 1);
	must(look_up(out, l, "nobody.cover.test", AF_UNSPEC) == 0);
	must(fclose(out) == 0);
}

static void run_program(const struct node *n, const char *server, const char *options)
{
	const struct lookups l = {n, server, options};
	struct scene *s = scene_new((const char *)&l);

	actor_wait(actor_start("program", part_program, s));
	scene_free(s);
}

/* ---- what is recorded ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of @text, sorted, each once, into @lines. Returns how many. */
static int sort_lines(char *text, char **lines, int max)
{
	int n = 0, kept = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		assert_true(n < max);
		lines[n++] = line;
	}
	qsort(lines, (size_t)n, sizeof(lines[0]), by_text);
	for (int i = 0; i < n; i++)
		if (i == 0 || strcmp(lines[i], lines[kept - 1]) != 0)
			lines[kept++] = lines[i];
	return kept;
}

/* All that the programs were told is recorded, and nothing else. */
static void assert_covered(struct node *n)
{
	static char *want[1000], *got[1000];
	char *told = file_text(path_in(n, "expected"));
	char *rows = node_text(n,
			       "SELECT group_concat(name || ' ' || address || ' ' || server,"
			       " char(10)) FROM dns_name",
			       0);
	const int n_want = sort_lines(told, want, 1000), n_got = sort_lines(rows, got, 1000);

	printf("DNS coverage: expected %d, got %d\n", n_want, n_got);
	assert_true(n_want > HOSTS + MANY);
	for (int i = 0; i < n_want && i < n_got; i++)
		assert_string_equal(got[i], want[i]);
	assert_int_equal(n_got, n_want);
	free(told);
	free(rows);
}

static void assert_dns_account_balanced(struct node *n)
{
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM dns_account WHERE seen = used + passed"
				     " + copies + malformed + fragments + cut",
				     0),
			 1);
	assert_int_equal(node_number(n,
				     "SELECT malformed + fragments + dropped + overflow + pruned"
				     " FROM dns_account",
				     0),
			 0);
}

static void stop(struct node *n)
{
	long recorded, lost;

	node_stop(n, &recorded, &lost);
}

static void start(struct node *n, const char *option)
{
	node_start(n, (const char *const[]){"--flush", "100ms", option, NULL});
}

static void each_address_that_a_program_was_told_is_a_row(void **state)
{
	struct node *n = *state;
	pid_t resolver = start_resolver(n, "127.0.0.1,::1");

	start(n, NULL);
	run_program(n, "127.0.0.1", "attempts:1");
	run_program(n, "::1", "attempts:1 edns0");
	run_program(n, "127.0.0.1", "use-vc attempts:1");
	stop(n);
	assert_covered(n);
	assert_dns_account_balanced(n);
	/* Over UDP and over TCP, each once on lo. */
	assert_int_equal(node_number(n,
				     "SELECT answers FROM dns_name WHERE name = 'host3.cover.test'"
				     " AND server = '127.0.0.1'",
				     0),
			 2);
	assert_int_equal(node_number(n, "SELECT copies FROM dns_account", 0), 0);
	/* The first answer for many.cover.test did not hold all of them. */
	assert_true(node_number(n, "SELECT cut FROM dns_account", 0) > 0);
	/* What was asked for stands before what was done with it. */
	assert_int_equal(node_number(n,
				     "SELECT count(*) FROM dns_name WHERE first_us > last_us OR"
				     " last_us > (SELECT stop_us FROM run) OR"
				     " first_us < (SELECT start_us FROM run)",
				     0),
			 0);
	actor_kill(resolver);
}

static void nothing_is_recorded_with_no_dns(void **state)
{
	struct node *n = *state;
	pid_t resolver = start_resolver(n, "127.0.0.1");

	start(n, "--no-dns");
	run_program(n, "127.0.0.1", "attempts:1");
	stop(n);
	assert_int_equal(node_number(n, "SELECT count(*) FROM dns_name", 0), 0);
	assert_int_equal(node_number(n, "SELECT count(*) FROM dns_account", 0), 0);
	actor_kill(resolver);
}

/* ---- other namespaces ---- */

/* A namespace whose eth0 is a port of the bridge br0 of this one; this process enters it. */
static void join_bridge(const char *port, const char *addr)
{
	char command[400];
	const int outside = stage_here(), inside = stage_new();

	stage_enter(outside);
	snprintf(command, sizeof(command),
		 "ip link add %s type veth peer name eth0 netns /proc/%d/fd/%d &&"
		 " ip link set %s master br0 up",
		 port, getpid(), inside, port);
	run(command);
	stage_enter(inside);
	snprintf(command, sizeof(command), "ip addr add %s/24 dev eth0 && ip link set eth0 up",
		 addr);
	run(command);
	close(outside);
	close(inside);
}

static void answers_between_other_namespaces_are_seen_once_on_their_way(void **state)
{
	struct node *n = *state;
	pid_t resolver;

	run("ip link add br0 type bridge && ip link set br0 up");
	start(n, NULL);
	join_bridge("p1", "10.78.0.1");
	resolver = start_resolver(n, "10.78.0.1");
	stage_enter(n->home);
	join_bridge("p2", "10.78.0.2");
	run_program(n, "10.78.0.1", "attempts:5 timeout:1");
	stop(n);
	stage_enter(n->home);
	assert_covered(n);
	assert_dns_account_balanced(n);
	/* It came in at one port, and went out at the other. */
	assert_true(node_number(n, "SELECT copies FROM dns_account", 0) > HOSTS);
	assert_int_equal(node_number(n, "SELECT count(*) FROM dns_name WHERE answers <> 1", 0), 0);
	actor_kill(resolver);
}

/* ---- hostile ---- */

#define FLOOD 60000

static void part_flood(struct scene *s)
{
	/* An answer: "xxxxxxxx" has the address 192.0.2.6. */
	static const unsigned char answer[] =
		"\x12\x34\x81\x80\0\1\0\1\0\0\0\0\x08xxxxxxxx\0\0\1\0\1"
		"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc0\0\2\6";
	struct sockaddr_storage from, to;
	socklen_t len = make_address("127.0.0.1", 53, &from);
	int sender = socket(AF_INET, SOCK_DGRAM, 0), receiver = socket(AF_INET, SOCK_DGRAM, 0);
	unsigned char packet[sizeof(answer) - 1];

	make_address("127.0.0.1", 5353, &to);
	must(bind(sender, (struct sockaddr *)&from, len) == 0);
	must(bind(receiver, (struct sockaddr *)&to, len) == 0);
	memcpy(packet, answer, sizeof(packet));
	for (int i = 0; i < FLOOD; i++) {
		char name[9];

		snprintf(name, sizeof(name), "%08x", (unsigned int)i);
		memcpy(packet + 13, name, 8);
		must(sendto(sender, packet, sizeof(packet), 0, (struct sockaddr *)&to, len) ==
		     sizeof(packet));
	}
	cue_give(s, CUE_DONE);
}

static void a_flood_is_bounded_and_each_packet_accounted_for(void **state)
{
	struct node *n = *state;
	struct scene *s = scene_new("");

	start(n, NULL);
	actor_wait(actor_start("flood", part_flood, s));
	scene_free(s);
	stop(n);
	assert_int_equal(node_number(n, "SELECT seen + dropped FROM dns_account", 0), FLOOD);
	assert_int_equal(node_number(n, "SELECT seen - used FROM dns_account", 0), 0);
	assert_int_equal(node_number(n,
				     "SELECT overflow + (SELECT count(*) FROM dns_name)"
				     " FROM dns_account",
				     0),
			 node_number(n, "SELECT used FROM dns_account", 0));
	assert_true(node_number(n, "SELECT count(*) FROM dns_name", 0) > 0);
	printf("of %d answers %ld were read, %ld names kept, %ld without room\n", FLOOD,
	       node_number(n, "SELECT seen FROM dns_account", 0),
	       node_number(n, "SELECT count(*) FROM dns_name", 0),
	       node_number(n, "SELECT overflow FROM dns_account", 0));
}

/* The last test: this process does not get it back. */
static void without_the_privilege_it_says_so_and_goes_on(void **state)
{
	struct node *n = *state;
	char *words;

	must(prctl(PR_CAPBSET_DROP, CAP_NET_RAW) == 0);
	start(n, NULL);
	words = file_text(n->err_path);
	assert_non_null(strstr(words, "names are not recorded: a packet socket needs root or"
				      " CAP_NET_RAW; --no-dns does without"));
	free(words);
	stop(n);
	assert_int_equal(node_number(n, "SELECT count(*) FROM run WHERE stop_us NOT NULL", 0), 1);
	assert_int_equal(node_number(n, "SELECT count(*) FROM dns_account", 0), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		TEST(each_address_that_a_program_was_told_is_a_row),
		TEST(nothing_is_recorded_with_no_dns),
		TEST(answers_between_other_namespaces_are_seen_once_on_their_way),
		TEST(a_flood_is_bounded_and_each_packet_accounted_for),
		TEST(without_the_privilege_it_says_so_and_goes_on),
	};
	int missing = node_missing();

	return missing ? missing : cmocka_run_group_tests(tests, NULL, NULL);
}
