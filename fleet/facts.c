#include "facts.h"

#include <stddef.h>

#include "db.h"

#define PORTION 50000 /* rows */
#define LIMIT	"50000"

#define US	    INT64_C(1000000)
#define DAY_S	    86400
#define MARK_COLUMN 2

/* Where the next portion begins: behind the id that was sent last; or at a time, for what changes
 * afterwards; or at an hour. ?4 in its statement. */
enum mark {
	BY_ID,	 /* that of the last row, in column id */
	BY_TIME, /* that of the collector's last commit, less the slack */
	BY_HOUR,
};

#define PROGRAM_OF(alias)                                                                          \
	" LEFT JOIN program g ON g.id = " alias ".program_id"                                      \
	" LEFT JOIN container k ON k.id = g.container_id"
#define OF_PROGRAM                                                                                 \
	" g.comm AS comm, g.exe AS exe, g.uid AS uid, k.name AS container,"                        \
	" k.container_id AS container_id, k.pod AS pod,"
/* What an earlier run left over ends in the past, when the next one looks for it. */
#define YOUNG_RUN "(SELECT last_commit_us - start_us < 600000000 FROM run ORDER BY id DESC LIMIT 1)"
#define PROCESS                                                                                    \
	"SELECT ?1 AS node_id, ?2 AS node, p.id AS id, p.boot AS boot, p.pid AS pid,"              \
	" p.start_us AS start_us, p.ppid AS ppid, p.parent_id AS parent_id," OF_PROGRAM            \
	" p.cmdline AS cmdline, p.exit_us AS exit_us, ?3 AS sent_us"                               \
	" FROM process p" PROGRAM_OF("p")

static const struct fact {
	const char *table;
	enum mark mark;
	size_t offset;	  /* of the mark in the state */
	int64_t slack_us; /* so much later may something be written than it happened */
	const char *sql;
} facts[FACTS] = {
	/* The last hole that retention made may have grown since it was sent. */
	{"gaps", BY_ID, offsetof(struct state, gap_id), 0,
	 "SELECT ?1 AS node_id, ?2 AS node, id, from_us, to_us, reason, count, uid, uid_count,"
	 " ?3 AS sent_us"
	 " FROM gap WHERE id > ?4 OR id = (SELECT max(id) FROM gap WHERE reason = 'pruned'"
	 " AND id <= ?4)"
	 " ORDER BY id LIMIT " LIMIT},
	/* The next run writes down how one ended that was killed. */
	{"runs", BY_ID, offsetof(struct state, run_id), 0,
	 "SELECT ?1 AS node_id, ?2 AS node, id, boot_id, version, pid, start_us, stop_us,"
	 " last_commit_us, seen, recorded, lost, recursion_misses, rescued, ?3 AS sent_us"
	 " FROM run WHERE id >= ifnull((SELECT max(id) FROM run WHERE id < ?4), 0)"
	 " ORDER BY id LIMIT " LIMIT},
	{"listeners", BY_TIME, offsetof(struct state, listeners_us), 10 * US,
	 "SELECT ?1 AS node_id, ?2 AS node, l.id AS id, l.netns AS netns, l.addr AS addr,"
	 " l.port AS port," OF_PROGRAM " l.from_us AS from_us, l.to_us AS to_us, ?3 AS sent_us"
	 " FROM listener l" PROGRAM_OF("l") " WHERE l.to_us IS NULL OR l.to_us >= ?4 OR " YOUNG_RUN
					    " ORDER BY l.id"},
	/* Before the new ones, which may have ended already. */
	{"processes", BY_TIME, offsetof(struct state, exits_us), 10 * US,
	 PROCESS " WHERE p.exit_us >= ?4 AND ?4 > 0 ORDER BY p.id"},
	{"processes", BY_ID, offsetof(struct state, process_id), 0,
	 PROCESS " WHERE p.id > ?4 ORDER BY p.id LIMIT " LIMIT},
	/* The collector writes them once a minute. */
	{"names", BY_TIME, offsetof(struct state, names_us), 130 * US,
	 "SELECT ?1 AS node_id, ?2 AS node, address, name, server, first_us, last_us, answers,"
	 " ?3 AS sent_us FROM dns_name WHERE last_us >= ?4"},
	{"hourly", BY_HOUR, offsetof(struct state, hour), 0,
	 "SELECT ?1 AS node_id, ?2 AS node, h.hour * 3600 AS hour,"
	 " CASE h.direction WHEN 0 THEN 'out' ELSE 'in' END AS direction,"
	 " h.peer_addr AS peer_addr, h.service_port AS service_port, g.comm AS comm,"
	 " g.exe AS exe, g.uid AS uid, k.name AS container, k.container_id AS container_id,"
	 " k.pod AS pod, h.loopback AS loopback, h.program_id AS program,"
	 " h.container_id AS cgroup, h.attempts AS attempts, h.failed AS failed,"
	 " h.resets AS resets, h.tx_bytes AS tx_bytes, h.rx_bytes AS rx_bytes,"
	 " h.retransmits AS retransmits, h.connects AS connects,"
	 " h.connect_us_sum AS connect_us_sum, h.connect_us_max AS connect_us_max,"
	 " h.duration_us_sum AS duration_us_sum,"
	 " h.hour * 3600000000 + h.start_us AS first_start_us,"
	 " h.hour * 3600000000 + h.start_us + h.start_span_us AS last_start_us"
	 " FROM hourly h LEFT JOIN program g ON g.id = h.program_id"
	 " LEFT JOIN container k ON k.id = h.container_id"
	 " WHERE h.hour > ?4 AND h.hour < (SELECT totals_until_hour FROM extent)"
	 " ORDER BY h.hour"},
};

static int64_t mark_of(const struct fact *f, const struct state *state)
{
	return *(const int64_t *)(const void *)((const char *)state + f->offset);
}

/* Whether a portion ends before @next: with whole hours, of one day, so that the server has it
 * whole or not at all. */
static bool is_full(const struct body *body, int64_t last, int64_t next)
{
	return body_rows(body) > 0 && next != last &&
	       (body_rows(body) >= PORTION || next / DAY_S != last / DAY_S);
}

/* Runs @stmt into @body; *@last becomes column @column of the last row, if there is any. */
static int read_marked(sqlite3_stmt *stmt, enum mark mark, struct body *body, int64_t *last,
		       struct err *err)
{
	int rc, ret = 0;

	while (!ret && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		/* The id, or the begin of the hour in s. */
		int64_t at = mark == BY_TIME ? *last : sqlite3_column_int64(stmt, MARK_COLUMN);

		if (mark == BY_HOUR && is_full(body, *last, at))
			return 0;
		ret = body_add_printed(body, stmt, err);
		*last = at;
	}
	if (!ret && rc != SQLITE_DONE)
		ret = err_set(err, db_errno(rc), "reading what is to be sent: %s",
			      sqlite3_errstr(rc));
	return ret;
}

int facts_read(int i, struct source *s, const struct state *state, int64_t sent_us,
	       int64_t commit_us, struct body *body, struct facts_portion *out, struct err *err)
{
	const struct fact *f = &facts[i];
	const int64_t mark = mark_of(f, state);
	AUTO_STMT *stmt = NULL;
	int64_t last = mark;
	int ret = source_prepare(s, f->sql, sent_us, &stmt, err);

	if (ret)
		return ret;
	sqlite3_bind_int64(stmt, 4, mark);
	source_insert(stmt, f->table, out->insert);
	ret = read_marked(stmt, f->mark, body, &last, err);
	switch (f->mark) {
	case BY_ID:
		out->next = last > mark ? last : mark;
		out->is_last = body_rows(body) < PORTION;
		break;
	case BY_TIME:
		out->next = commit_us - f->slack_us;
		out->is_last = true;
		break;
	case BY_HOUR:
		out->next = body_rows(body) ? last / 3600 : mark;
		out->is_last = body_rows(body) == 0;
		break;
	}
	return ret;
}

void facts_sent(int i, const struct facts_portion *portion, struct state *state)
{
	*(int64_t *)(void *)((char *)state + facts[i].offset) = portion->next;
}
