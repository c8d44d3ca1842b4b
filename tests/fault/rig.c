#include "rig.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fake.h"

#define START_NS     (1000 * NS_PER_S)
#define OFFSET_NS    (1769853600LL * NS_PER_S)
#define PHASES	     6 /* of a run */
#define PHASE_TICKS  8
#define MAX_TRIES    200
#define MAX_KINDS    64
#define SAY_EVERY_NS (30 * NS_PER_S)

static unsigned int marked; /* the last connection before rig_mark() */

/* What a run has said, numbers apart, and when last. */
static struct kind {
	char text[256];
	int64_t said_ns;
} kinds[MAX_KINDS];

static struct kind *find_kind(const char *text)
{
	char plain[sizeof(kinds[0].text)];
	size_t n = 0;
	int i = 0;

	for (; *text && n < sizeof(plain) - 1; text++)
		if (*text < '0' || *text > '9')
			plain[n++] = *text;
	plain[n] = '\0';
	while (i < MAX_KINDS - 1 && kinds[i].text[0] && strcmp(kinds[i].text, plain) != 0)
		i++;
	strcpy(kinds[i].text, plain);
	return &kinds[i];
}

static void hear(void *ctx, const char *text)
{
	struct kind *kind = find_kind(text);
	struct rig *r = ctx;

	assert_true(text[0] != '\0');
	if (kind->said_ns && fake.now_ns - kind->said_ns < SAY_EVERY_NS)
		fail_msg("said twice in 30 s: %s", text);
	kind->said_ns = fake.now_ns;
	r->notes++;
}

/* Something failed: it must say what. */
static void failed(struct rig *r, const struct err *err, unsigned int times)
{
	assert_true(err->code < 0 && err->msg[0] != '\0');
	if (r->words && !strstr(err->msg, r->words))
		fail_msg("\"%s\" instead of \"%s\"", err->msg, r->words);
	r->failures++;
	if (times == 3 && r->mend)
		r->mend();
	if (times > MAX_TRIES)
		fail_msg("does not come back: %s", err->msg);
}

static struct collector *start(struct rig *r, const struct options *o)
{
	const struct note note = {.say = hear, .ctx = r};
	struct collector *c = NULL;

	for (unsigned int times = 1;; times++) {
		struct err err = {0};

		if (collector_new(o, NULL, &note, &c, &err) == 0)
			return c;
		failed(r, &err, times);
		clock_boot_ns();
	}
}

static void work(struct rig *r, struct collector *c)
{
	unsigned int times = 0;

	for (int i = 0; i < PHASE_TICKS; i++) {
		struct err err = {0};
		int ret;

		fake.now_ns += COLLECTOR_TICK_MS * NS_PER_MS;
		do {
			ret = collector_work(c, &err);
		} while (ret > 0);
		if (ret < 0) {
			failed(r, &err, ++times);
			i--;
		}
	}
}

static void play_run(struct rig *r, const struct options *o, bool first)
{
	struct collector *c;
	struct closing closing;
	struct err err = {0};

	memset(kinds, 0, sizeof(kinds));
	c = start(r, o);
	for (unsigned int phase = 0; phase < PHASES; phase++) {
		fake_phase(phase);
		if (first && phase == 2) { /* so that an hour is over */
			fake.offset_ns += 3700 * NS_PER_S;
			collector_clock_set(c);
		}
		if (r->step_ns) {
			fake.offset_ns += r->step_ns(r);
			collector_clock_set(c);
		}
		if (first && phase == 3 && r->midway)
			r->midway(r);
		work(r, c);
	}
	if (collector_finish(c, &closing, &err) != 0) {
		failed(r, &err, 1);
		r->unfinished = true;
	}
	collector_free(c);
	if (r->mend && !first)
		r->mend();
	fake.now_ns += NS_PER_S;
}

static struct options options_of(const struct rig *r)
{
	return (struct options){.db = r->path,
				.durable = r->durable,
				.flush_ns = NS_PER_S,
				.refresh_ns = 3 * NS_PER_S};
}

void rig_play_once(struct rig *r)
{
	const struct options o = options_of(r);

	memset(&fake, 0, sizeof(fake));
	fake.now_ns = START_NS;
	fake.offset_ns = OFFSET_NS;
	r->failures = r->notes = 0;
	r->unfinished = false;
	play_run(r, &o, true);
}

void rig_play(struct rig *r)
{
	const struct options o = options_of(r);

	rig_play_once(r);
	if (r->between)
		r->between(r);
	play_run(r, &o, false);
}

/* ---- what must have come of it ---- */

long rig_number(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	long n;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		fail_msg("%s: %s: %s", path, sql, sqlite3_errmsg(db));
	n = (long)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

/* Backwards, for what is written last is not behind a page that was damaged before.
 * Counts in @met how often each connection has a row in the file @path. */
static void count_rows(const char *path, unsigned int met[FAKE_IDS])
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int rc;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	rc = sqlite3_prepare_v2(db, "SELECT cookie FROM connection ORDER BY id DESC", -1, &stmt,
				NULL);
	while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
		unsigned int id = (unsigned int)sqlite3_column_int(stmt, 0);

		if (id < FAKE_IDS)
			met[id]++;
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static bool is_set_aside(const char *name)
{
	return strstr(name, ".corrupt-") && !strstr(name, "-wal") && !strstr(name, "-shm");
}

static void count_rows_of_all(struct rig *r, unsigned int met[FAKE_IDS])
{
	DIR *d = opendir(r->folder);
	struct dirent *e;
	char path[512];

	assert_non_null(d);
	while ((e = readdir(d)))
		if (is_set_aside(e->d_name)) {
			snprintf(path, sizeof(path), "%s/%s", r->folder, e->d_name);
			count_rows(path, met);
		}
	closedir(d);
	count_rows(r->path, met);
}

static void assert_sound(struct rig *r, const char *words)
{
	if (rig_number(r->path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") != 1)
		fail_msg("%s: the database is damaged", words);
	if (rig_number(r->path, "SELECT count(*) FROM pragma_foreign_key_check"))
		fail_msg("%s: a row refers to one that is not there", words);
	if (rig_number(r->path, "SELECT count(*) FROM connections WHERE comm <> 'curl'"))
		fail_msg("%s: a row has another owner", words);
	if (rig_number(r->path, "SELECT (SELECT total(attempts) FROM hourly, extent"
				"  WHERE hour < totals_until_hour)"
				" <> (SELECT count(*) FROM connection, extent"
				"  WHERE connection.id < totals_until_hour * 3600000000)"))
		fail_msg("%s: an hour is not the sum of its rows", words);
	if (rig_number(r->path, "SELECT (SELECT total(attempts) FROM recent_program, extent WHERE"
				"  slot >= recent_from_slot AND slot < recent_until_slot)"
				" <> (SELECT count(*) FROM connection, extent WHERE"
				"  connection.id >= recent_from_slot * 300000000 AND"
				"  connection.id < recent_until_slot * 300000000)") ||
	    rig_number(r->path, "SELECT (SELECT total(attempts) FROM recent, extent WHERE"
				"  slot >= recent_from_slot AND slot < recent_until_slot)"
				" <> (SELECT count(*) FROM connection, extent WHERE direction = 0"
				"  AND connection.id >= recent_from_slot * 300000000 AND"
				"  connection.id < recent_until_slot * 300000000)"))
		fail_msg("%s: five minutes are not the sum of their rows", words);
	if (rig_number(r->path, "SELECT count(*) FROM account JOIN run ON run.id = run_id"
				" WHERE stop_us IS NOT NULL"
				" AND account.seen <> account.recorded + account.lost + filtered"))
		fail_msg("%s: an account does not add up", words);
	if (rig_number(r->path, "SELECT count(*) FROM run WHERE stop_us IS NOT NULL"
				" AND seen <> recorded + lost"))
		fail_msg("%s: a run's rows do not add up", words);
}

static unsigned int count_open(void)
{
	unsigned int n = 0;

	for (unsigned int id = 1; id <= fake.n_ids; id++)
		n += fake.ids[id].open;
	return n;
}

static void assert_rows(struct rig *r, const char *words, bool all)
{
	unsigned int met[FAKE_IDS] = {0};

	count_rows_of_all(r, met);
	for (unsigned int id = 1; id <= fake.n_ids; id++)
		if (met[id] > fake.ids[id].over || (all && met[id] < fake.ids[id].over))
			fail_msg("%s: connection %u, which is %s, has %u rows", words, id,
				 fake.ids[id].over ? "over" : "open", met[id]);
}

/* What there is no memory for is not known until a scan finds it, but it is counted. */
static void assert_number(struct rig *r, const char *words, const char *sql, long want)
{
	long have = rig_number(r->path, sql);
	long counted = rig_number(r->path, "SELECT total(count) FROM gap WHERE reason = 'corrupt'");

	if (have > want || have + counted < want)
		fail_msg("%s: %s: %ld instead of %ld", words, sql, have, want);
}

void rig_assert_whole(struct rig *r, const char *words)
{
	assert_sound(r, words);
	assert_rows(r, words, !r->unfinished);
	if (r->unfinished)
		return;
	assert_number(r, words, "SELECT count(*) FROM open_connection", count_open());
	assert_number(r, words, "SELECT count(DISTINCT cookie) FROM open_connection", count_open());
	assert_number(r, words, "SELECT count(DISTINCT cookie) FROM listener", fake.n_listeners);
}

void rig_mark(void)
{
	marked = fake.n_ids;
}

static unsigned int count_set_aside(struct rig *r)
{
	DIR *d = opendir(r->folder);
	struct dirent *e;
	unsigned int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += is_set_aside(e->d_name);
	closedir(d);
	return n;
}

unsigned int rig_assert_goes_on(struct rig *r, const char *words)
{
	unsigned int met[FAKE_IDS] = {0}, n = count_set_aside(r);
	/* Until the damage is met, the damaged file is written. */
	long from_us = n ? rig_number(r->path, "SELECT min(start_us) FROM run") : 0;

	count_rows(r->path, met);
	for (unsigned int id = marked + 1; id <= fake.n_ids; id++)
		if (met[id] > fake.ids[id].over ||
		    met[id] < (fake.ids[id].over && fake.ids[id].end_us > from_us))
			fail_msg("%s: connection %u, which is %s, has %u rows", words, id,
				 fake.ids[id].over ? "over" : "open", met[id]);
	if (r->unfinished)
		fail_msg("%s: could not write all in the end", words);
	if (rig_number(r->path, "SELECT count(*) FROM account"
				" WHERE run_id = (SELECT max(id) FROM run)"
				" AND seen = recorded + lost + filtered") != PROBE_RECORDS)
		fail_msg("%s: the account does not add up", words);
	if (n == 0)
		return 0;
	assert_sound(r, words);
	assert_number(r, words, "SELECT count(*) FROM open_connection", count_open());
	assert_number(r, words, "SELECT count(DISTINCT cookie) FROM listener WHERE to_us IS NULL",
		      fake.n_listeners);
	if (rig_number(r->path,
		       "SELECT count(*) FROM gap"
		       " WHERE reason = 'corrupt' AND count IS NULL AND from_us < to_us") < 1)
		fail_msg("%s: no gap says so", words);
	return n;
}

/* ---- the folder ---- */

static void empty_folder(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[512];

	assert_non_null(d);
	while ((e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	closedir(d);
}

void rig_setup(struct rig *r)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	if (!r->folder[0]) {
		snprintf(r->folder, sizeof(r->folder), "%s/connmon-fault-XXXXXX", base);
		assert_non_null(mkdtemp(r->folder));
		snprintf(r->path, sizeof(r->path), "%s/h.db", r->folder);
	}
	empty_folder(r->folder);
}

void rig_teardown(struct rig *r)
{
	empty_folder(r->folder);
	rmdir(r->folder);
	r->folder[0] = '\0';
}

struct rig_places rig_places(unsigned int stride)
{
	const char *seed = getenv("CONNMON_FAULT_SEED");

	if (getenv("CONNMON_FAULT_ALL"))
		return (struct rig_places){.next = 1, .stride = 1};
	return (struct rig_places){.next = 1 +
					   (seed ? (unsigned int)strtoul(seed, NULL, 10) % stride
						 : 0),
				   .stride = stride};
}
