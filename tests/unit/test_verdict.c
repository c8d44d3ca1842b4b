#include "unit.h"

#include <errno.h>
#include <netinet/tcp.h>

#include "verdict.h"

struct expected {
	struct ending ending;
	enum outcome outcome;
	int error;
};

static void check(const struct expected *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int error = -1;
		enum outcome got = verdict(&table[i].ending, &error);

		if (got != table[i].outcome || error != table[i].error)
			fail_msg("row %zu: outcome %d error %d", i, got, error);
	}
}

#define CHECK(table) check(table, sizeof(table) / sizeof((table)[0]))

static void a_failed_attempt_is_told_by_its_error(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_SYN_SENT, .error = ECONNREFUSED}, OUTCOME_REFUSED, ECONNREFUSED},
		{{.old_state = TCP_SYN_SENT, .error = ETIMEDOUT}, OUTCOME_TIMEOUT, ETIMEDOUT},
		{{.old_state = TCP_SYN_SENT, .error = EHOSTUNREACH},
		 OUTCOME_UNREACHABLE,
		 EHOSTUNREACH},
		{{.old_state = TCP_SYN_SENT, .error = ENETUNREACH},
		 OUTCOME_UNREACHABLE,
		 ENETUNREACH},
		{{.old_state = TCP_SYN_SENT, .error = EACCES}, OUTCOME_DENIED, EACCES},
		{{.old_state = TCP_SYN_SENT, .error = ECONNABORTED}, OUTCOME_KILLED, ECONNABORTED},
		{{.old_state = TCP_SYN_SENT, .error = EPROTO}, OUTCOME_ERROR, EPROTO},
	};

	(void)state;
	CHECK(table);
}

static void giving_up_is_no_error_and_no_success(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_SYN_SENT, .error = 0, .by_task = true}, OUTCOME_CANCELLED, 0},
		{{
			 .old_state = TCP_SYN_SENT,
			 .error = 0,
			 .by_task = true,
			 .no_socket = true,
		 },
		 OUTCOME_CANCELLED,
		 0},
	};

	(void)state;
	CHECK(table);
}

static void what_failed_inside_connect_had_no_port_to_use_whatever_error_was_left(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_SYN_SENT, .by_task = true, .in_connect = true},
		 OUTCOME_NO_PORT,
		 EADDRNOTAVAIL},
		{{.old_state = TCP_SYN_SENT,
		  .error = ECONNRESET,
		  .by_task = true,
		  .in_connect = true},
		 OUTCOME_NO_PORT,
		 EADDRNOTAVAIL},
	};

	(void)state;
	CHECK(table);
}

static void an_attempt_that_met_one_from_the_other_side_fails_like_any_other(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_SYN_RECV, .error = ETIMEDOUT}, OUTCOME_TIMEOUT, ETIMEDOUT},
		{{.old_state = TCP_SYN_RECV, .by_task = true}, OUTCOME_CANCELLED, 0},
		{{.old_state = TCP_SYN_RECV, .by_task = true, .inbound = true},
		 OUTCOME_RESET_BY_US,
		 0},
	};

	(void)state;
	CHECK(table);
}

static void an_abort_after_shutdown_is_told_from_a_close(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_FIN_WAIT2, .by_task = true}, OUTCOME_RESET_BY_US, 0},
		{{.old_state = TCP_FIN_WAIT2, .by_task = true, .no_socket = true},
		 OUTCOME_CLOSED,
		 0},
		{{.old_state = TCP_FIN_WAIT2, .by_task = true, .fin_received = true},
		 OUTCOME_CLOSED,
		 0},
		{{.old_state = TCP_FIN_WAIT2}, OUTCOME_CLOSED, 0},
	};

	(void)state;
	CHECK(table);
}

static void a_connection_that_both_sides_close_is_closed(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_LAST_ACK, .error = 0, .no_socket = true}, OUTCOME_CLOSED, 0},
		{{.old_state = TCP_FIN_WAIT2, .error = 0, .no_socket = true}, OUTCOME_CLOSED, 0},
		{{.old_state = TCP_CLOSING, .error = 0, .no_socket = true, .inbound = true},
		 OUTCOME_CLOSED,
		 0},
	};

	(void)state;
	CHECK(table);
}

static void who_cut_it_off_is_told_by_the_error(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_ESTABLISHED, .error = ECONNRESET},
		 OUTCOME_RESET_BY_PEER,
		 ECONNRESET},
		{{.old_state = TCP_CLOSE_WAIT, .error = EPIPE}, OUTCOME_RESET_BY_PEER, EPIPE},
		{{.old_state = TCP_FIN_WAIT1, .error = ECONNRESET, .no_socket = true},
		 OUTCOME_RESET_BY_PEER,
		 ECONNRESET},
		/* the task came upon it while it held the lock */
		{{.old_state = TCP_ESTABLISHED, .error = ECONNRESET, .by_task = true},
		 OUTCOME_RESET_BY_PEER,
		 ECONNRESET},
		{{.old_state = TCP_ESTABLISHED, .error = 0, .by_task = true},
		 OUTCOME_RESET_BY_US,
		 0},
		{{.old_state = TCP_CLOSE_WAIT,
		  .error = 0,
		  .by_task = true,
		  .no_socket = true,
		  .inbound = true},
		 OUTCOME_RESET_BY_US,
		 0},
		{{.old_state = TCP_FIN_WAIT1, .error = 0, .no_socket = true},
		 OUTCOME_RESET_BY_US,
		 0},
	};

	(void)state;
	CHECK(table);
}

static void
a_reset_after_both_have_closed_is_an_end_unless_something_was_not_acknowledged(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_LAST_ACK, .error = ECONNRESET, .all_acked = true},
		 OUTCOME_CLOSED,
		 0},
		{{.old_state = TCP_CLOSING, .error = ECONNRESET, .all_acked = true},
		 OUTCOME_CLOSED,
		 0},
		{{.old_state = TCP_LAST_ACK, .error = ECONNRESET},
		 OUTCOME_RESET_BY_PEER,
		 ECONNRESET},
		{{.old_state = TCP_CLOSE_WAIT, .error = EPIPE, .all_acked = true},
		 OUTCOME_RESET_BY_PEER,
		 EPIPE},
		{{.old_state = TCP_FIN_WAIT1, .error = ECONNRESET, .all_acked = true},
		 OUTCOME_RESET_BY_PEER,
		 ECONNRESET},
	};

	(void)state;
	CHECK(table);
}

static void an_end_that_was_not_seen_is_lost_unless_an_error_or_the_state_before_tells(void **state)
{
	static const struct expected table[] = {
		{{.unseen = true, .no_socket = true, .old_state = TCP_ESTABLISHED},
		 OUTCOME_LOST,
		 0},
		{{.unseen = true, .no_socket = true, .old_state = TCP_ESTABLISHED, .inbound = true},
		 OUTCOME_LOST,
		 0},
		{{.unseen = true, .no_socket = true, .old_state = TCP_CLOSE_WAIT}, OUTCOME_LOST, 0},
		{{.unseen = true, .no_socket = true, .old_state = TCP_FIN_WAIT1}, OUTCOME_LOST, 0},
		{{.unseen = true, .no_socket = true, .old_state = TCP_SYN_SENT}, OUTCOME_LOST, 0},
		{{.unseen = true, .no_socket = true, .old_state = TCP_SYN_RECV}, OUTCOME_LOST, 0},
		{{.unseen = true, .old_state = TCP_ESTABLISHED, .error = ETIMEDOUT},
		 OUTCOME_TIMED_OUT,
		 ETIMEDOUT},
		{{.unseen = true, .old_state = TCP_SYN_SENT, .error = ECONNREFUSED},
		 OUTCOME_REFUSED,
		 ECONNREFUSED},
		{{.unseen = true, .no_socket = true, .old_state = TCP_FIN_WAIT2},
		 OUTCOME_CLOSED,
		 0},
		{{.unseen = true, .no_socket = true, .old_state = TCP_LAST_ACK}, OUTCOME_CLOSED, 0},
		{{.unseen = true, .no_socket = true, .old_state = TCP_CLOSING}, OUTCOME_CLOSED, 0},
	};

	(void)state;
	CHECK(table);
}

static void what_failed_before_anything_was_sent_is_told_by_what_connect_returned(void **state)
{
	static const struct expected table[] = {
		{{.early = true, .error = ENETUNREACH}, OUTCOME_UNREACHABLE, ENETUNREACH},
		{{.early = true, .error = EHOSTUNREACH}, OUTCOME_UNREACHABLE, EHOSTUNREACH},
		{{.early = true, .error = EINVAL}, OUTCOME_UNREACHABLE, EINVAL},
		{{.early = true, .error = EACCES}, OUTCOME_DENIED, EACCES},
		{{.early = true, .error = EPERM}, OUTCOME_DENIED, EPERM},
		{{.early = true, .error = EADDRNOTAVAIL}, OUTCOME_NO_PORT, EADDRNOTAVAIL},
		{{.early = true, .error = ENOBUFS}, OUTCOME_ERROR, ENOBUFS},
	};

	(void)state;
	CHECK(table);
}

static void silence_after_the_handshake_is_timed_out_whatever_icmp_said(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_ESTABLISHED, .error = ETIMEDOUT}, OUTCOME_TIMED_OUT, ETIMEDOUT},
		{{.old_state = TCP_FIN_WAIT1, .error = EHOSTUNREACH, .no_socket = true},
		 OUTCOME_TIMED_OUT,
		 EHOSTUNREACH},
		{{.old_state = TCP_CLOSE_WAIT, .error = ENETUNREACH},
		 OUTCOME_TIMED_OUT,
		 ENETUNREACH},
	};

	(void)state;
	CHECK(table);
}

static void an_inbound_one_without_a_file_was_never_accepted(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_ESTABLISHED, .error = 0, .no_socket = true, .inbound = true},
		 OUTCOME_NEVER_ACCEPTED,
		 0},
		{{.old_state = TCP_CLOSE_WAIT, .error = 0, .no_socket = true, .inbound = true},
		 OUTCOME_NEVER_ACCEPTED,
		 0},
		{{.old_state = TCP_ESTABLISHED,
		  .error = ECONNRESET,
		  .no_socket = true,
		  .inbound = true},
		 OUTCOME_RESET_BY_PEER,
		 ECONNRESET},
		{{.old_state = TCP_ESTABLISHED, .error = 0, .no_socket = true},
		 OUTCOME_RESET_BY_US,
		 0},
		{{.old_state = TCP_ESTABLISHED, .error = 0, .inbound = true, .by_task = true},
		 OUTCOME_RESET_BY_US,
		 0},
	};

	(void)state;
	CHECK(table);
}

static void an_administrator_or_an_odd_error_gets_a_name_of_its_own(void **state)
{
	static const struct expected table[] = {
		{{.old_state = TCP_ESTABLISHED, .error = ECONNABORTED},
		 OUTCOME_KILLED,
		 ECONNABORTED},
		{{.old_state = TCP_ESTABLISHED, .error = EPROTO}, OUTCOME_ENDED_BY_ERROR, EPROTO},
	};

	(void)state;
	CHECK(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_attempt_is_told_by_its_error),
		cmocka_unit_test(giving_up_is_no_error_and_no_success),
		cmocka_unit_test(
			what_failed_inside_connect_had_no_port_to_use_whatever_error_was_left),
		cmocka_unit_test(an_attempt_that_met_one_from_the_other_side_fails_like_any_other),
		cmocka_unit_test(an_abort_after_shutdown_is_told_from_a_close),
		cmocka_unit_test(a_connection_that_both_sides_close_is_closed),
		cmocka_unit_test(who_cut_it_off_is_told_by_the_error),
		cmocka_unit_test(
			a_reset_after_both_have_closed_is_an_end_unless_something_was_not_acknowledged),
		cmocka_unit_test(
			an_end_that_was_not_seen_is_lost_unless_an_error_or_the_state_before_tells),
		cmocka_unit_test(
			what_failed_before_anything_was_sent_is_told_by_what_connect_returned),
		cmocka_unit_test(silence_after_the_handshake_is_timed_out_whatever_icmp_said),
		cmocka_unit_test(an_inbound_one_without_a_file_was_never_accepted),
		cmocka_unit_test(an_administrator_or_an_odd_error_gets_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
