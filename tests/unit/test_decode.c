#include "unit.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/event.h"
#include "decode.h"

/* A good END event: curl's connection to 10.0.0.2:443, closed in order. */
static struct event_end good_end(void)
{
	struct event_end e = {
		.connection =
			{
				.header = {.seq = 3,
					   .time_boot_ns = 9000,
					   .size = sizeof(e),
					   .type = EVENT_END},
				.id = 77,
				.cookie = 5,
				.start_boot_ns = 1000,
				.established_boot_ns = 2000,
				.local_addr = {10, 0, 0, 1},
				.peer_addr = {10, 0, 0, 2},
				.netns = 4026531840,
				.local_port = 40000,
				.peer_port = 443,
				.family = 4,
				.owner_source = OWNER_CONNECT,
				.owner = {.start_boot_ns = 1,
					  .pid = 4711,
					  .uid = 1000,
					  .comm = "curl"},
			},
		.tx_bytes = 10,
		.rx_bytes = 20,
		.min_rtt_us = 7,
		.old_state = TCP_LAST_ACK,
	};

	return e;
}

static void an_end_arrives_whole(void **state)
{
	struct event_end raw = good_end();
	struct err err = {0};
	struct event e;

	(void)state;
	raw.connection.flags = EVENT_V4MAPPED | EVENT_PEER_CLOSED;
	raw.closer.pid = 12;
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), 0);
	assert_int_equal(e.kind, KIND_END);
	assert_int_equal(e.connection.id, 77);
	assert_int_equal(e.connection.outcome, OUTCOME_CLOSED);
	assert_int_equal(e.connection.direction, DIRECTION_OUT);
	assert_int_equal(e.connection.end_boot_ns, 9000);
	assert_int_equal(e.connection.start_boot_ns, 1000);
	assert_int_equal(e.connection.local_port, 40000);
	assert_int_equal(e.connection.peer_port, 443);
	assert_int_equal(e.connection.tx_bytes, 10);
	assert_int_equal(e.connection.rx_bytes, 20);
	assert_int_equal(e.connection.min_rtt_us, 7);
	assert_int_equal(e.connection.netns, 4026531840);
	assert_int_equal(e.connection.flags, CONNECTION_V4MAPPED | CONNECTION_PEER_CLOSED);
	assert_int_equal(e.connection.owner.pid, 4711);
	assert_int_equal(e.connection.closer.pid, 12);
	assert_string_equal(e.connection.owner.comm, "curl");
	assert_memory_equal(&e.connection.peer_addr, raw.connection.peer_addr, 16);
}

static void an_open_is_open_and_an_attempt_is_connecting(void **state)
{
	struct event_end raw = good_end();
	struct err err = {0};
	struct event e;

	(void)state;
	raw.connection.header.size = sizeof(raw.connection);
	raw.connection.header.type = EVENT_OPEN;
	assert_int_equal(decode_event(&raw.connection, sizeof(raw.connection), &e, &err), 0);
	assert_int_equal(e.kind, KIND_OPEN);
	assert_int_equal(e.connection.outcome, OUTCOME_OPEN);
	assert_int_equal(e.connection.end_boot_ns, 0);
	raw.connection.header.type = EVENT_ATTEMPT;
	assert_int_equal(decode_event(&raw.connection, sizeof(raw.connection), &e, &err), 0);
	assert_int_equal(e.kind, KIND_ATTEMPT);
	assert_int_equal(e.connection.outcome, OUTCOME_CONNECTING);
}

static void the_data_may_lie_at_any_address(void **state)
{
	char buf[sizeof(struct event_end) + 1];
	struct event_end raw = good_end();
	struct err err = {0};
	struct event e;

	(void)state;
	memcpy(buf + 1, &raw, sizeof(raw));
	assert_int_equal(decode_event(buf + 1, sizeof(raw), &e, &err), 0);
	assert_int_equal(e.connection.id, 77);
}

static void assert_refused(const struct event_end *raw, size_t len, const char *words)
{
	struct err err = {0};
	struct event e;

	assert_int_equal(decode_event(raw, len, &e, &err), -EBADMSG);
	if (!strstr(err.msg, words))
		fail_msg("%s", err.msg);
}

static void a_wrong_size_is_refused(void **state)
{
	struct event_end raw = good_end();
	char longer[sizeof(struct event_exec) + 8] = {0};
	struct event e;
	struct err err = {0};

	(void)state;
	for (size_t len = 0; len < sizeof(raw); len++)
		assert_refused(&raw, len, "bytes");
	memcpy(longer, &raw, sizeof(raw));
	assert_int_equal(decode_event(longer, sizeof(longer), &e, &err), -EBADMSG);
	raw.connection.header.size = 8;
	assert_refused(&raw, sizeof(raw), "instead of");
}

static struct event_exec good_exec(const char *parts, size_t len)
{
	struct event_exec e = {
		.header = {.size = sizeof(e), .type = EVENT_EXEC},
		.owner = {.start_boot_ns = 1, .pid = 4711, .uid = 1000, .comm = "curl"},
		.path_len = (__u32)len,
	};

	memcpy(e.path, parts, len);
	return e;
}

static void the_parts_of_a_program_path_are_put_in_order(void **state)
{
	static const char parts[] = "curl\0bin\0usr", hostile[] = "\x1b[2J\0a b";
	struct event_exec raw = good_exec(parts, sizeof(parts));
	struct err err = {0};
	struct event e;

	(void)state;
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), 0);
	assert_int_equal(e.kind, KIND_EXEC);
	assert_string_equal(e.path, "/usr/bin/curl");
	assert_int_equal(e.owner.pid, 4711);
	raw = good_exec(hostile, sizeof(hostile));
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), 0);
	assert_string_equal(e.path, "/a b/\x1b[2J");
	raw = good_exec("", 0);
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), 0);
	assert_string_equal(e.path, "");
}

static void arguments_are_taken_as_far_as_they_were_sent(void **state)
{
	static const char parts[] = "curl", args[] = "curl\0-s";
	struct event_exec raw = good_exec(parts, sizeof(parts));
	struct err err = {0};
	struct event e;

	(void)state;
	raw.parent = (struct event_owner){.pid = 4710, .exec_id = 6, .comm = "sh"};
	raw.owner.exec_id = 7;
	memcpy(raw.args, args, sizeof(args));
	raw.args_len = sizeof(args);
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), 0);
	assert_int_equal(e.owner.exec_id, 7);
	assert_int_equal(e.parent.pid, 4710);
	assert_string_equal(e.parent.comm, "sh");
	assert_memory_equal(e.args, args, sizeof(args));
	assert_int_equal(e.args_len, sizeof(args));
	assert_false(e.args_cut);

	memset(raw.args, 'x', sizeof(raw.args));
	raw.args_len = EVENT_ARGS_LEN;
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), 0);
	assert_false(e.args_cut);
	raw.args_len = 100000;
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), 0);
	assert_int_equal(e.args_len, EVENT_ARGS_LEN);
	assert_true(e.args_cut);

	raw.header.size = offsetof(struct event_exec, args);
	assert_int_equal(decode_event(&raw, offsetof(struct event_exec, args), &e, &err), -EBADMSG);
	raw.args_len = 0;
	assert_int_equal(decode_event(&raw, offsetof(struct event_exec, args), &e, &err), 0);
	assert_int_equal(e.args_len, 0);
	memset(raw.parent.comm, 'x', sizeof(raw.parent.comm));
	assert_int_equal(decode_event(&raw, offsetof(struct event_exec, args), &e, &err), -EBADMSG);
}

static void a_program_path_that_does_not_end_is_refused(void **state)
{
	struct event_exec raw = good_exec("curl", 4);
	struct err err = {0};
	struct event e;

	(void)state;
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), -EBADMSG);
	raw.path_len = EVENT_EXE_LEN + 1;
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), -EBADMSG);
	raw.path_len = EVENT_EXE_LEN; /* all of it empty parts: each becomes a slash */
	memset(raw.path, 0, sizeof(raw.path));
	assert_int_equal(decode_event(&raw, sizeof(raw), &e, &err), -EBADMSG);
}

static void what_cannot_be_is_refused(void **state)
{
	struct event_end raw;

	(void)state;
#define REFUSED(field, value, words)                                                               \
	raw = good_end();                                                                          \
	raw.field = value;                                                                         \
	assert_refused(&raw, sizeof(raw), words)

	REFUSED(connection.header.type, EVENT_PROGRESS + 1, "unknown type");
	REFUSED(connection.family, 10, "address family");
	REFUSED(connection.inbound, 2, "direction");
	REFUSED(connection.owner_source, 7, "owner source");
	REFUSED(connection.header.time_boot_ns, UINT64_MAX, "a century after boot");
	REFUSED(connection.start_boot_ns, 1ULL << 63, "a century after boot");
	REFUSED(old_state, 13, "TCP state");
	REFUSED(socket_error, 4096, "errno");
	REFUSED(tx_bytes, UINT64_MAX, "byte counts");
	REFUSED(rx_bytes, UINT64_MAX, "byte counts");
	raw = good_end();
	memset(raw.connection.owner.comm, 'x', sizeof(raw.connection.owner.comm));
	assert_refused(&raw, sizeof(raw), "process name without an end");
	raw = good_end();
	memset(raw.closer.comm, 'x', sizeof(raw.closer.comm));
	assert_refused(&raw, sizeof(raw), "process name without an end");
}

static void any_bytes_are_refused_or_make_sense(void **state)
{
	(void)state;
	srand(2);
	for (int round = 0; round < 50000; round++) {
		struct event_end raw = good_end();
		unsigned char *bytes = (unsigned char *)&raw;
		struct err err = {0};
		struct event e;

		for (int i = 0; i < 4; i++)
			bytes[(size_t)rand() % sizeof(raw)] = (unsigned char)rand();
		if (decode_event(&raw, sizeof(raw), &e, &err) != 0) {
			assert_int_equal(err.code, -EBADMSG);
			continue;
		}
		assert_true(e.connection.family == 4 || e.connection.family == 6);
		assert_true(strlen(e.connection.owner.comm) < COMM_LEN);
		assert_true(e.connection.start_boot_ns >= 0 && e.connection.end_boot_ns >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_arrives_whole),
		cmocka_unit_test(an_open_is_open_and_an_attempt_is_connecting),
		cmocka_unit_test(the_data_may_lie_at_any_address),
		cmocka_unit_test(a_wrong_size_is_refused),
		cmocka_unit_test(the_parts_of_a_program_path_are_put_in_order),
		cmocka_unit_test(arguments_are_taken_as_far_as_they_were_sent),
		cmocka_unit_test(a_program_path_that_does_not_end_is_refused),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(any_bytes_are_refused_or_make_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
