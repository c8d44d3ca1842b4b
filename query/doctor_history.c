/* doctor_history.c - what the database tells of the collector. */
#include "doctor_parts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "human.h"
#include "retention.h"
#include "who.h"

static const char *ago(const struct patient *p, int64_t us, char out[HUMAN_SIZE])
{
	human_duration(us < p->now_us ? p->now_us - us : 0, out, HUMAN_SIZE);
	return out;
}

void doctor_collector(struct patient *p)
{
	static const char start[] = "start connmon-collect";
	int64_t run[3]; /* start, stop, last commit */
	char who[96] = "one", since[HUMAN_SIZE];

	if (!doctor_ask(p,
			"SELECT start_us, stop_us, last_commit_us FROM run"
			" ORDER BY id DESC LIMIT 1",
			0, run, 3)) {
		if (!p->n_found)
			doctor_found(p, FAIL, start, "none has recorded to it yet");
		return;
	}
	if (p->collector)
		who_is(p->collector, who, sizeof(who));
	ago(p, run[2], since);
	if (p->now_us - run[2] < COVERAGE_SILENCE_US && !run[1])
		doctor_found(p, OK, "", "%s runs since %s, last wrote %s ago", who,
			     doctor_moment(p, run[0]), since);
	else if (p->collector)
		doctor_found(
			p, WARN,
			"see what it says on its standard error; is it stopped, or is the disk "
			"slow?",
			"%s runs, but last wrote %s ago", who, since);
	else
		doctor_found(p, FAIL, start, "none is running since %s, %s ago%s",
			     doctor_moment(p, run[2]), since,
			     run[1] ? "" : "; the last one was killed");
}

/* ---- what is missing ---- */

static const char *remedy_of(const char *reason)
{
	static const struct {
		const char *reason, *remedy;
	} remedies[] = {
		{"ring_full", "give connmon-collect a larger --ring, or a faster disk"},
		{"table_full", "give connmon-collect a larger --max-open"},
		{"recursion", "none is known; the kernel passed our programs over"},
		{"stopped",
		 "keep connmon-collect running; with --pin the kernel goes on meanwhile"},
		{"disk_full", "free some space, or give connmon-collect a smaller --max-size"},
		{"corrupt", "look into the file that was set aside, beside the database"},
		{"set_aside", "what came before is in the file that was set aside, beside it"},
		{"pruned", "give connmon-collect a larger --max-size"},
	};

	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (!strcmp(remedies[i].reason, reason))
			return remedies[i].remedy;
	return "see connmon-query gaps";
}

void doctor_losses(struct patient *p)
{
	AUTO_STMT *stmt =
		doctor_prepare(p, "SELECT reason, count(*), sum(count), max(to_us),"
				  " (SELECT uid FROM gap AS o WHERE o.reason = gap.reason"
				  "   AND o.to_us >= ?1 GROUP BY uid HAVING uid NOT NULL"
				  "   AND 2 * total(uid_count) > (SELECT total(count) FROM gap AS a"
				  "    WHERE a.reason = o.reason AND a.to_us >= ?1))"
				  " FROM gap WHERE to_us >= ?1 GROUP BY reason ORDER BY reason");
	int rc;

	if (!stmt)
		return;
	sqlite3_bind_int64(stmt, 1, p->now_us - DAY_US);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *reason = (const char *)sqlite3_column_text(stmt, 0);
		const int64_t n = sqlite3_column_int64(stmt, 1);
		char events[48] = "nobody knows how many events", whose[40] = "";

		if (sqlite3_column_type(stmt, 2) != SQLITE_NULL)
			snprintf(events, sizeof(events), "%" PRId64 " events or more",
				 (int64_t)sqlite3_column_int64(stmt, 2));
		if (sqlite3_column_type(stmt, 4) != SQLITE_NULL)
			snprintf(whose, sizeof(whose), ", mostly of uid %" PRId64,
				 (int64_t)sqlite3_column_int64(stmt, 4));
		doctor_found(p, WARN, remedy_of(reason ? reason : ""),
			     "%" PRId64 " gap%s in 24 h (%s), %s%s; the last ended %s", n,
			     n == 1 ? "" : "s", reason ? reason : "?", events, whose,
			     doctor_moment(p, sqlite3_column_int64(stmt, 3)));
	}
	doctor_stepped(p, rc);
	if (!p->n_found)
		doctor_found(p, OK, "", "no gap in 24 h");
}

void doctor_account(struct patient *p)
{
	int64_t a[5]; /* seen, recorded, lost, filtered, whether it ended */

	if (!doctor_ask(p,
			"SELECT a.seen, a.recorded, a.lost, a.filtered, r.stop_us NOT NULL"
			" FROM account a JOIN run r ON r.id = a.run_id WHERE a.record = 'end'"
			" AND a.run_id = (SELECT max(id) FROM run)",
			0, a, 5)) {
		if (!p->n_found)
			doctor_found(p, OK, "", "the last run has met no end yet");
		return;
	}
	if (a[4] && a[0] != a[1] + a[2] + a[3])
		doctor_found(p, WARN, "please report it",
			     "the last run saw %" PRId64 " ends, but recorded %" PRId64
			     ", lost %" PRId64 ", filtered %" PRId64,
			     a[0], a[1], a[2], a[3]);
	else
		doctor_found(p, a[2] ? WARN : OK,
			     a[2] ? "connmon-query gaps tells when and why" : "",
			     "of %" PRId64 " ends that the last run saw, %" PRId64
			     " are recorded, %" PRId64 " lost, %" PRId64 " filtered",
			     a[0], a[1], a[2], a[3]);
}

/* ---- how much of the past ---- */

static bool ask_oldest(struct patient *p, int64_t *row_us)
{
	return doctor_ask(p, "SELECT min(id) FROM connection", 0, row_us, 1);
}

void doctor_history(struct patient *p)
{
	int64_t row_us, totals_us;
	char age[HUMAN_SIZE];

	if (!ask_oldest(p, &row_us))
		return;
	if (!row_us) {
		doctor_found(p, OK, "", "no connection is recorded yet, or none any more");
		return;
	}
	ago(p, row_us, age);
	if (doctor_ask(p, "SELECT min(hour) * 3600000000 FROM hourly", 0, &totals_us, 1) &&
	    totals_us)
		doctor_found(p, OK, "", "connections since %s (%s), totals since %s",
			     doctor_moment(p, row_us), age, doctor_moment(p, totals_us));
	else if (!p->n_found)
		doctor_found(p, OK, "", "connections since %s (%s), no totals yet",
			     doctor_moment(p, row_us), age);
}

/* The value of --@name that the collector was started with, into @out; else @dflt. */
static void option_of(const char *words, size_t len, const char *name, const char *dflt,
		      char out[24])
{
	const size_t name_len = strlen(name);

	snprintf(out, 24, "%s", dflt);
	for (size_t at = 0; at < len; at += strlen(words + at) + 1) {
		const char *word = words + at;
		const char *next = word + strlen(word) + 1;

		if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, name_len) != 0)
			continue;
		if (word[2 + name_len] == '=')
			snprintf(out, 24, "%s", word + 3 + name_len);
		else if (word[2 + name_len] == '\0' && next < words + len)
			snprintf(out, 24, "%s", next);
	}
}

/* What comes of --retain, beside what it says: nothing in most cases. */
static void judge_retention(struct patient *p, const char *told, const char *retain)
{
	int64_t retain_us = 0, row_us = 0, rows_from_us = 0;
	struct err ignored;
	char age[HUMAN_SIZE];

	if (timespec_parse_duration(retain, &retain_us, &ignored) || !retain_us ||
	    !ask_oldest(p, &row_us) || !row_us ||
	    !doctor_ask(p, "SELECT rows_from_us FROM extent", 0, &rows_from_us, 1)) {
		if (!p->n_found)
			doctor_found(p, OK, "", "%s", told);
		return;
	}
	ago(p, row_us, age);
	/* Deleting follows in small steps. */
	if (p->now_us - row_us > retain_us + retain_us / 10 + 3600 * US_PER_S)
		doctor_found(p, WARN, "see what connmon-collect says on its standard error",
			     "%s; but the oldest connection is %s old", told, age);
	else if (rows_from_us && p->now_us - row_us < retain_us - retain_us / 10)
		doctor_found(p, OK, "", "%s; --max-size leaves %s of connections", told, age);
	else
		doctor_found(p, OK, "", "%s", told);
}

void doctor_retention(struct patient *p)
{
	char path[64], words[4096], retain[24], totals[24], size[24], told[128];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)p->collector);
	fd = p->collector ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		n = read(fd, words, sizeof(words) - 1);
		close(fd);
	}
	if (n <= 0) {
		doctor_found(p, OK, "", "not known while no collector is seen");
		return;
	}
	words[n] = '\0';
	option_of(words, (size_t)n, "retain", RETAIN_DEFAULT, retain);
	option_of(words, (size_t)n, "retain-totals", RETAIN_TOTALS_DEFAULT, totals);
	option_of(words, (size_t)n, "max-size", MAX_SIZE_DEFAULT, size);
	snprintf(told, sizeof(told), "--retain %s --retain-totals %s --max-size %s", retain, totals,
		 size);
	judge_retention(p, told, retain);
}
