/* Addresses that are written in more ways than one, and the older way to call. */
#include "parts.h"
#include "rows.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

static void part_link_local_server(struct scene *s)
{
	run("ip link add near type veth peer name far && ip link set far up &&"
	    "ip link set near up && ip -6 addr add fe80::77/64 dev near nodad");
	part_server(s);
}

static void a_link_local_address_is_recorded_without_its_device(void **state)
{
	struct scene *s = scene_new("fe80::77%near");
	struct row rows[2];
	ino_t netns;

	s->request = 1;
	netns = play(*state, s, part_link_local_server, part_client, rows);
	for (int i = 0; i < 2; i++)
		rows[i].local_addr = rows[i].peer_addr = "fe80::77";
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}

static void part_server_of_both_families(struct scene *s)
{
	int listener = listen_at("::", s->port);

	serve_one(s, listener);
}

static void an_ipv4_client_of_an_ipv6_wildcard_is_ipv4_on_both_sides(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 10;
	s->reply = 20;
	netns = play(*state, s, part_server_of_both_families, part_client, rows);
	assert_rows(*state, netns, rows, 2);
	/* The server's side says that its socket is an IPv6 one. */
	assert_int_equal(
		node_number(
			*state,
			"SELECT count(*) FROM connections WHERE ended_at NOT NULL AND netns = ?1"
			" AND flags & 1 AND direction = 'in'",
			(long)netns),
		1);
	scene_free(s);
}

#ifdef __x86_64__
/* As a 32-bit program calls the kernel; with this kernel's own numbers. */
static long call_32(long number, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "0"(number), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

#define SOCKET_32  359
#define CONNECT_32 362
#define CLOSE_32   6

static void part_old_client(struct scene *s)
{
	struct sockaddr_storage *to;
	socklen_t len;
	long fd;

	/* Pointers have 32 bits, too. */
	to = mmap(NULL, sizeof(*to), PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	must(to != MAP_FAILED);
	len = make_address(s->addr, s->port, to);
	cue_wait(s, CUE_LISTENING);
	fd = call_32(SOCKET_32, AF_INET, SOCK_STREAM, 0);
	must(fd >= 0);
	must(call_32(CONNECT_32, fd, (long)to, len) == 0);
	s->client_port = local_port((int)fd);
	send_bytes((int)fd, s->request);
	receive_bytes((int)fd, s->reply);
	must(call_32(CLOSE_32, fd, 0, 0) == 0);
}

static void a_connection_made_by_32_bit_calls_is_one_row_on_each_side(void **state)
{
	struct scene *s = scene_new("127.0.0.1");
	struct row rows[2];
	ino_t netns;

	s->request = 10;
	s->reply = 20;
	netns = play(*state, s, part_server, part_old_client, rows);
	assert_rows(*state, netns, rows, 2);
	scene_free(s);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_local_address_is_recorded_without_its_device),
		cmocka_unit_test(an_ipv4_client_of_an_ipv6_wildcard_is_ipv4_on_both_sides),
#ifdef __x86_64__
		cmocka_unit_test(a_connection_made_by_32_bit_calls_is_one_row_on_each_side),
#endif
		cmocka_unit_test(the_collector_ends_and_its_account_equals_the_rows),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
