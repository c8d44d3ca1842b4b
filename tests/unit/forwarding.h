/* forwarding.h - a history in a real database, a server that does as it is told, and a forwarder
 * between the two. */
#ifndef CONNMON_FORWARDING_H
#define CONNMON_FORWARDING_H

#include "unit.h"

#include "answering.h"
#include "forward_parts.h"
#include "tempdb.h"

#define NODE   "0123456789abcdef0123456789abcdef"
#define DAY_US INT64_C(86400000000)
#define BEGIN  INT64_C(1769817600000000) /* of a day */

struct fixture {
	struct tempdb *temp;
	sqlite3 *db;
	char state[128], bad[160], lock[160];
	struct forward_options options;
	struct forward *forward;
	struct answering *server;
	struct err err;
};

static inline void begin(struct fixture *f)
{
	if (forward_new(&f->options, &f->forward, &f->err))
		fail_msg("%s", f->err.msg);
}

static inline void end(struct fixture *f)
{
	forward_free(f->forward);
	f->forward = NULL;
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->db = tempdb_setup_writer(&f->temp);
	snprintf(f->state, sizeof(f->state), "%s.state", f->temp->path);
	snprintf(f->bad, sizeof(f->bad), "%s.bad.gz", f->state);
	snprintf(f->lock, sizeof(f->lock), "%s.lock", f->state);
	f->server = answering_clear();
	f->options = (struct forward_options){.db = f->temp->path,
					      .state = f->state,
					      .node = {NODE, "one"},
					      .batch = 10};
	assert_int_equal(server_new(ANSWERING_URL, NULL, NULL, &f->options.server, &f->err), 0);
	tempdb_run(f->db, "INSERT INTO local_address VALUES (1, 1, '10.0.0.1');"
			  "INSERT INTO run VALUES (1, 'b', '0', 1, 1, NULL, 2, 0, 0, 0, 0, 0)");
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	end(f);
	server_free(f->options.server);
	db_close(f->db);
	unlink(f->state);
	unlink(f->bad);
	unlink(f->lock);
	tempdb_teardown((void **)&f->temp);
	free(f);
	return 0;
}

/* @n connections that ended from @from_us on, one each second. */
static inline void put(struct fixture *f, int64_t from_us, int n)
{
	char sql[512];

	snprintf(
		sql, sizeof(sql),
		"WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < %d)"
		" INSERT INTO connection(id, duration_us, direction, outcome, flags, peer_addr,"
		" peer_port, local_port, tx_bytes, rx_bytes, retransmits, local_id)"
		" SELECT %lld + n * 1000000, 5, 0, 2, 0, '10.0.0.' || n, 443, 1, 1, 1, 0, 1 FROM i",
		n - 1, (long long)from_us);
	tempdb_run(f->db, sql);
}

/* Until all is sent, or it fails; @most tries. */
static inline enum forward_step go(struct fixture *f, int most)
{
	enum forward_step step = FORWARD_MORE;

	for (int i = 0; i < most && step == FORWARD_MORE; i++)
		step = forward_step(f->forward, true, &f->err);
	return step;
}

/* Failures are tried again, as main() does. */
static inline enum forward_step insist(struct fixture *f, int most)
{
	enum forward_step step = FORWARD_MORE;

	for (int i = 0; i < most && step != FORWARD_IDLE; i++)
		step = forward_step(f->forward, true, &f->err);
	return step;
}

#endif
