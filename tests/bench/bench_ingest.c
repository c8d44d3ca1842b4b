/*
 * bench_ingest - how fast records become rows: those of a file go through the collector
 * (decode, track, batch, store), and then the rows that came of them through a bare prepared
 * INSERT into the same table of a database of their own, in commits of the same size.
 *
 *   bench_ingest RECORDS ROWS_PER_COMMIT FOLDER [ROUNDS]
 *
 * RECORDS are as traffic writes them with --review 30s, ROWS_PER_COMMIT of them ending in a second.
 * Totals, which are made meanwhile of what has become history, are told apart: what they took is
 * left out of the first line of the collector, but for their bytes.
 *
 * Medians over the rounds; a ratio is that of one round. What is written to the disk is what
 * write(2) and its like were given, checkpoints and the close included.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "collector.h"
#include "db.h"
#include "hourly.h"
#include "simulated.h"

#define COLUMNS	   23
#define MAX_ROUNDS 99
#define BEGIN_US   1769818651000000 /* 2026-01-31 00:17:31 UTC */

struct recording {
	const char *at, *end;
};

struct cost {
	double seconds, cpu_seconds, bytes;
};

struct value {
	int64_t number;
	const char *text; /* NULL: none; owned */
	int type;	  /* SQLITE_INTEGER, SQLITE_TEXT, SQLITE_NULL */
};

struct rows {
	struct value (*row)[COLUMNS];
	size_t n, room;
	char columns[400]; /* their names */
	char marks[COLUMNS * 3];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_ingest: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* ---- measuring ---- */

static double seconds(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double bytes_written(void)
{
	unsigned long long n = 0;
	char line[64];
	FILE *io = fopen("/proc/self/io", "r");

	while (io && fgets(line, sizeof(line), io))
		if (sscanf(line, "wchar: %llu", &n) == 1)
			break;
	if (!io)
		die("/proc/self/io", "cannot be read");
	fclose(io);
	return (double)n;
}

static struct cost now(void)
{
	return (struct cost){seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID),
			     bytes_written()};
}

static struct cost since(struct cost begin)
{
	struct cost end = now();

	return (struct cost){end.seconds - begin.seconds, end.cpu_seconds - begin.cpu_seconds,
			     end.bytes - begin.bytes};
}

/* ---- through the collector ---- */

/* What totals took in this round: no bytes. */
static struct cost totals;

/* The linker puts the first in the place of the second: --wrap. */
int __wrap_hourly_step(struct hourly *h, int64_t now_us, int64_t budget_ns, struct err *err);
int __real_hourly_step(struct hourly *h, int64_t now_us, int64_t budget_ns, struct err *err);

int __wrap_hourly_step(struct hourly *h, int64_t now_us, int64_t budget_ns, struct err *err)
{
	const double begin = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	int ret = __real_hourly_step(h, now_us, budget_ns, err);

	totals.seconds += seconds(CLOCK_MONOTONIC) - begin;
	totals.cpu_seconds += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	return ret;
}

static const void *next_record(void *ctx, size_t *len)
{
	struct recording *r = ctx;
	const char *record;
	uint64_t prefix;

	if (r->at == r->end)
		return NULL;
	memcpy(&prefix, r->at, sizeof(prefix));
	*len = prefix;
	record = r->at + sizeof(prefix);
	r->at = record + prefix;
	return record;
}

static struct cost collect(struct recording recording, const char *path, uint64_t *recorded)
{
	const struct options options = {
		.db = path,
		.flush_ns = NS_PER_S,
		.refresh_ns = 30 * NS_PER_S,
	};
	struct closing closing = {0};
	struct collector *c = NULL;
	struct err err = {0};
	struct cost begin, cost;
	int more, waiting = 1;

	simulated_begin(next_record, &recording, BEGIN_US, COLLECTOR_TICK_MS * NS_PER_MS);
	if (collector_new(&options, stdout, &(struct note){0}, &c, &err))
		die("the collector", err.msg);
	totals = (struct cost){0};
	begin = now();
	while (waiting) {
		waiting = simulated_tick();
		while ((more = collector_work(c, &err)) == 1)
			;
		if (more < 0)
			die("the collector", err.msg);
	}
	if (collector_finish(c, &closing, &err))
		die("the collector", err.msg);
	cost = since(begin);
	collector_free(c);
	if (closing.lost)
		die("the collector", "records were lost");
	*recorded = closing.recorded;
	return cost;
}

/* ---- the bare INSERT ---- */

static void read_value(sqlite3_stmt *stmt, int column, struct value *v)
{
	v->type = sqlite3_column_type(stmt, column);
	v->number = sqlite3_column_int64(stmt, column);
	if (v->type == SQLITE_TEXT)
		v->text = strdup((const char *)sqlite3_column_text(stmt, column));
}

static void read_rows(const char *path, struct rows *rows)
{
	AUTO_DB *db = NULL;
	AUTO_STMT *stmt = NULL;
	struct err err = {0};

	if (db_open_reader(path, &db, &err) ||
	    db_prepare(db, "SELECT * FROM connection ORDER BY id", &stmt, &err))
		die(path, err.msg);
	if (sqlite3_column_count(stmt) != COLUMNS)
		die(path, "connection has other columns than this benchmark was written for");
	for (int i = 0; i < COLUMNS; i++) {
		strcat(strcat(rows->columns, i ? "," : ""), sqlite3_column_name(stmt, i));
		strcat(rows->marks, i ? ",?" : "?");
	}
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		if (rows->n == rows->room) {
			rows->room = rows->room ? 2 * rows->room : 1024;
			rows->row = realloc(rows->row, rows->room * sizeof(*rows->row));
			if (!rows->row)
				die("the rows", "no memory");
		}
		memset(rows->row[rows->n], 0, sizeof(*rows->row));
		for (int i = 0; i < COLUMNS; i++)
			read_value(stmt, i, &rows->row[rows->n][i]);
		rows->n++;
	}
}

static void bind_row(sqlite3_stmt *stmt, struct value *row)
{
	for (int i = 0; i < COLUMNS; i++) {
		if (row[i].type == SQLITE_INTEGER)
			sqlite3_bind_int64(stmt, i + 1, row[i].number);
		else if (row[i].type == SQLITE_TEXT)
			sqlite3_bind_text(stmt, i + 1, row[i].text, -1, SQLITE_STATIC);
		else
			sqlite3_bind_null(stmt, i + 1);
	}
}

static struct cost insert(const struct rows *rows, const char *path, size_t per_commit)
{
	char sql[1000];
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	struct err err = {0};
	struct cost begin;
	int ret;

	if (db_open_writer(path, false, &db, &err))
		die("the bare INSERT", err.msg);
	snprintf(sql, sizeof(sql), "INSERT INTO connection(%s) VALUES(%s)", rows->columns,
		 rows->marks);
	if (db_prepare(db, sql, &stmt, &err))
		die("the bare INSERT", err.msg);
	begin = now();
	for (size_t i = 0; i < rows->n;) {
		ret = db_exec(db, "BEGIN IMMEDIATE", &err);
		for (size_t k = 0; k < per_commit && i < rows->n && !ret; k++, i++) {
			bind_row(stmt, rows->row[i]);
			ret = db_step(db, stmt, "a row", &err);
		}
		if (ret || db_exec(db, "COMMIT", &err))
			die("the bare INSERT", err.msg);
	}
	sqlite3_finalize(stmt);
	db_close(db);
	return since(begin);
}

/* ---- rounds ---- */

static void remove_database(const char *path)
{
	static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
	char file[512];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(file, sizeof(file), "%s%s", path, endings[i]);
		unlink(file);
	}
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void print_line(const char *name, const struct cost *costs, size_t n, double rows)
{
	double rate[MAX_ROUNDS] = {0}, cpu_us[MAX_ROUNDS] = {0};

	for (size_t i = 0; i < n; i++) {
		rate[i] = rows / costs[i].seconds;
		cpu_us[i] = costs[i].cpu_seconds * 1e6 / rows;
	}
	printf("%-14s %10.0f %9.2f %14.0f", name, median(rate, n), median(cpu_us, n),
	       costs[0].bytes / rows);
}

static struct recording map(const char *path)
{
	struct recording r;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *at = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0)
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (at == MAP_FAILED)
		die(path, "cannot be read");
	close(fd);
	r.at = at;
	r.end = r.at + st.st_size;
	return r;
}

int main(int argc, char **argv)
{
	struct cost whole[MAX_ROUNDS], collected[MAX_ROUNDS], bare[MAX_ROUNDS];
	double ratio[MAX_ROUNDS] = {0}, cpu_ratio[MAX_ROUNDS] = {0};
	char path[400], bare_path[400];
	struct recording recording;
	struct rows rows = {0};
	size_t per_commit, rounds;
	uint64_t recorded;

	if (argc < 4) {
		fprintf(stderr, "usage: bench_ingest RECORDS ROWS_PER_COMMIT FOLDER [ROUNDS]\n");
		return 2;
	}
	recording = map(argv[1]);
	per_commit = strtoul(argv[2], NULL, 10);
	rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : 5;
	if (per_commit == 0 || rounds == 0 || rounds > MAX_ROUNDS)
		die("ROWS_PER_COMMIT, ROUNDS", "no such number");
	snprintf(path, sizeof(path), "%s/ingest.db", argv[3]);
	snprintf(bare_path, sizeof(bare_path), "%s/bare.db", argv[3]);
	for (size_t i = 0; i < rounds; i++) {
		remove_database(path);
		remove_database(bare_path);
		whole[i] = collected[i] = collect(recording, path, &recorded);
		collected[i].seconds -= totals.seconds;
		collected[i].cpu_seconds -= totals.cpu_seconds;
		if (i == 0)
			read_rows(path, &rows);
		if (recorded != rows.n)
			die(path, "rows are missing");
		bare[i] = insert(&rows, bare_path, per_commit);
		ratio[i] = bare[i].seconds / collected[i].seconds;
		cpu_ratio[i] = bare[i].cpu_seconds / collected[i].cpu_seconds;
	}
	printf("%zu connections, %zu rows per commit, %zu rounds, medians:\n\n", rows.n, per_commit,
	       rounds);
	printf("%-14s %10s %9s %14s %8s %7s\n", "", "conn/s", "CPU us/c", "bytes written",
	       "of bare", "in CPU");
	print_line("bare INSERT", bare, rounds, (double)rows.n);
	printf("\n");
	print_line("collector", collected, rounds, (double)rows.n);
	printf(" %8.2f %7.2f\n", median(ratio, rounds), median(cpu_ratio, rounds));
	print_line("with totals", whole, rounds, (double)rows.n);
	printf("\n");
	remove_database(path);
	remove_database(bare_path);
	return 0;
}
