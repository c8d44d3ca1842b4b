/*
 * A history that somebody made, or that is damaged. The input is a recipe: the size of its pages,
 * a question, its format, and then what is changed in the invented history, step by step:
 *
 *	's' LEN TEXT	run the statements TEXT, as a writer that nothing holds back
 *	'c' TABLE COLUMN ROW VALUE	put anything into a cell, whatever type the column has
 *	'f' PAGE AT XOR	flip bits of a byte, anywhere
 *	't' PAGE FIELD VALUE	write a field of the head of a page of a b-tree
 *	'p' PAGE CELL VALUE	write where a cell of such a page is
 *	'm' STATEMENT AT VALUE	write a byte of a statement of the schema
 *	'h' FIELD VALUE	write a field of the head of the file
 *	'e' PAGE	end the file there
 *
 * The answer is clean, or an error that is; it comes in time; the file is left as it is.
 */
#include "db.h"
#include "embed.h"
#include "feed.h"
#include "history.h"
#include "must.h"
#include "program.h"
#include "sheet.h"

extern const struct embed query_reports[]; /* generated */

static const int page_sizes[] = {512, 1024, 4096};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct bytes images[COUNT(page_sizes)];

static void make_images(void)
{
	for (size_t i = 0; i < COUNT(images); i++) {
		history_make(page_sizes[i]);
		images[i] = history_read();
	}
}

/* ---- statements ---- */

/* The page of SQLite's WAL is not of interest: a file that was left without one has none. */
static void set_wal(struct bytes image, uint8_t version)
{
	image.at[18] = image.at[19] = version;
}

static int count_steps(void *left)
{
	return --*(int *)left <= 0;
}

/* Runs @sql in the image, which grows or shrinks. What fails changes nothing. */
static void run(struct bytes *image, const char *sql)
{
	const unsigned flags = SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE;
	uint8_t *copy = sqlite3_malloc64(image->len), *changed;
	sqlite3_int64 size = 0;
	sqlite3 *db = NULL;
	int steps = 200; /* of 1000 operations */

	must(copy && sqlite3_open(":memory:", &db) == SQLITE_OK);
	set_wal(*image, 1);
	memcpy(copy, image->at, image->len);
	must(sqlite3_deserialize(db, "main", copy, (sqlite3_int64)image->len,
				 (sqlite3_int64)image->len, flags) == SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 1 << 20);
	sqlite3_progress_handler(db, 1000, count_steps, &steps);
	sqlite3_exec(db, "PRAGMA ignore_check_constraints=ON", NULL, NULL, NULL);
	sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	changed = sqlite3_serialize(db, "main", &size, 0);
	if (changed && size > 100) {
		free(image->at);
		image->len = (size_t)size;
		image->at = malloc(image->len);
		must(image->at);
		memcpy(image->at, changed, image->len);
	}
	sqlite3_free(changed);
	sqlite3_close(db);
	set_wal(*image, 2);
}

static void run_text(struct bytes *image, struct taken *t)
{
	const uint8_t *bytes;
	const size_t len = take_bytes(t, 255, &bytes);
	char *sql = must_text(bytes, len);

	run(image, sql);
	free(sql);
}

static const char *const columns[][2] = {
	{"connection", "peer_addr"},
	{"connection", "tx_bytes"},
	{"connection", "id"},
	{"connection", "duration_us"},
	{"connection", "outcome"},
	{"connection", "direction"},
	{"connection", "error"},
	{"connection", "process_id"},
	{"connection", "peer_port"},
	{"connection", "local_id"},
	{"connection", "flags"},
	{"connection", "srtt_us"},
	{"program", "comm"},
	{"program", "exe"},
	{"program", "uid"},
	{"program", "container_id"},
	{"process", "pid"},
	{"process", "cmdline"},
	{"process", "start_us"},
	{"process", "program_id"},
	{"container", "name"},
	{"container", "pod"},
	{"container", "path"},
	{"open_row", "start_us"},
	{"open_row", "peer_addr"},
	{"open_row", "outcome"},
	{"gap", "reason"},
	{"gap", "from_us"},
	{"gap", "count"},
	{"run", "boot_id"},
	{"run", "version"},
	{"run", "start_us"},
	{"run", "last_commit_us"},
	{"run", "seen"},
	{"clock", "offset_us"},
	{"dns_name", "name"},
	{"dns_name", "address"},
	{"dns_name", "first_us"},
	{"local_address", "addr"},
	{"local_address", "netns"},
};

/* As SQL has it: a number, text or bytes of anything. */
static char *take_value(struct taken *t)
{
	static const char *const numbers[] = {
		"NULL",
		"0",
		"-1",
		"9223372036854775807",
		"-9223372036854775807 - 1",
		"1e308",
		"-1e999",
		"253402300800000000",
		"1769860800000000",
		"0.5",
		"zeroblob(70000)",
	};
	const uint8_t kind = take_byte(t);
	const uint8_t *bytes;
	sqlite3_str *text;
	size_t len;

	if (kind < 128)
		return sqlite3_mprintf("%s", numbers[kind % COUNT(numbers)]);
	text = sqlite3_str_new(NULL);
	sqlite3_str_appendall(text, kind & 1 ? "x'" : "CAST(x'");
	len = take_bytes(t, 80, &bytes);
	for (size_t i = 0; i < len; i++)
		sqlite3_str_appendf(text, "%02x", bytes[i]);
	sqlite3_str_appendall(text, kind & 1 ? "'" : "' AS TEXT)");
	return sqlite3_str_finish(text);
}

/* The columns forget their types first. */
static void change_cell(struct bytes *image, struct taken *t)
{
	const char *const *column = columns[take_byte(t) % COUNT(columns)];
	const unsigned row = take_byte(t);
	char *value = take_value(t), *sql;

	sql = sqlite3_mprintf("UPDATE %s SET %s = %s WHERE _rowid_ IN"
			      " (SELECT _rowid_ FROM %s LIMIT %u OFFSET %u)",
			      column[0], column[1], value, column[0], row % 3 ? 1 : 100, row / 8);
	must(value && sql);
	run(image, "UPDATE sqlite_master SET sql = replace(replace(sql, ', STRICT', ''),"
		   " ') STRICT', ')') WHERE sql LIKE '%STRICT%'");
	run(image, sql);
	sqlite3_free(value);
	sqlite3_free(sql);
}

/* ---- bytes ---- */

static unsigned take_16(struct taken *t)
{
	const unsigned high = take_byte(t);

	return high << 8 | take_byte(t);
}

static void write_16(struct bytes image, size_t at, unsigned value)
{
	if (at + 2 > image.len)
		return;
	image.at[at] = (uint8_t)(value >> 8);
	image.at[at + 1] = (uint8_t)value;
}

/* Where the next page begins; of the first one, where its b-tree does. */
static size_t take_page(struct bytes image, struct taken *t, size_t page_bytes)
{
	const size_t page = take_16(t) % (image.len / page_bytes);

	return page ? page * page_bytes : 100;
}

/* https://www.sqlite.org/fileformat2.html#b_tree_pages */
static void write_tree_field(struct bytes image, struct taken *t, size_t page_bytes)
{
	static const uint8_t types[] = {0x02, 0x05, 0x0a, 0x0d, 0x00};
	const size_t page = take_page(image, t, page_bytes);
	const unsigned field = take_byte(t) % 12, value = take_16(t);

	if (field == 0)
		image.at[page] = types[value % COUNT(types)];
	else
		write_16(image, page + field, field == 3 ? value % 300 : value);
}

static void write_cell_place(struct bytes image, struct taken *t, size_t page_bytes)
{
	const size_t page = take_page(image, t, page_bytes);
	const unsigned cell = take_byte(t) % 64;
	const bool is_leaf = image.at[page] & 8;

	write_16(image, page + (is_leaf ? 8 : 12) + 2 * cell, take_16(t) % page_bytes);
}

/* One of the statements of the schema, as they lie in the file. */
static void write_statement(struct bytes image, struct taken *t)
{
	static const char word[] = "CREATE ";
	unsigned wanted = take_byte(t);
	const size_t at = take_16(t) % 2000;
	const uint8_t value = take_byte(t);
	const uint8_t *found = image.at;

	do
		found = memmem(found + 1, image.len - (size_t)(found + 1 - image.at), word,
			       strlen(word));
	while (found && wanted-- > 0);
	if (found && (size_t)(found - image.at) + at < image.len)
		image.at[(size_t)(found - image.at) + at] = value;
}

/* The versions and numbers that a reader looks at; others than these end in its first look. */
static void write_head(struct bytes image, struct taken *t)
{
	static const uint8_t fields[] = {60, 68, 40, 28, 32, 36, 44, 52,
					 56, 64, 92, 24, 16, 18, 20};
	const size_t at = fields[take_byte(t) % COUNT(fields)];

	write_16(image, at, take_16(t));
	if (at != 16 && at != 18 && at != 20)
		write_16(image, at + 2, take_16(t));
}

static void change_byte(struct bytes image, struct taken *t, size_t page_bytes)
{
	const size_t page = take_page(image, t, page_bytes), at = page + take_16(t) % page_bytes;
	const uint8_t bits = take_byte(t);

	if (at < image.len)
		image.at[at] ^= bits;
}

static void change(struct bytes *image, struct taken *t, size_t page_bytes)
{
	switch (take_byte(t)) {
	case 's':
		run_text(image, t);
		return;
	case 'c':
		change_cell(image, t);
		return;
	case 'f':
		change_byte(*image, t, page_bytes);
		return;
	case 't':
		write_tree_field(*image, t, page_bytes);
		return;
	case 'p':
		write_cell_place(*image, t, page_bytes);
		return;
	case 'm':
		write_statement(*image, t);
		return;
	case 'h':
		write_head(*image, t);
		return;
	case 'e':
		image->len = page_bytes * (1 + take_16(t) % (image->len / page_bytes));
		return;
	}
}

/* ---- asking ---- */

static const char *const others[][2] = {
	{"doctor", NULL},
	{"schema", NULL},
	{"schema", "connections"},
	{"story", NULL},
	{"process", "1001"},
	{"who", "10.0.1.10"},
	{"who", "443"},
	{"who", "example.com"},
	{"names", "192.0.2.7"},
	{"sql", "SELECT * FROM connections"},
	{"sql", "SELECT * FROM sqlite_schema"},
	{"sql", "SELECT * FROM last_day"},
	{"sql", "SELECT * FROM hourly_totals"},
	{"sql", "SELECT * FROM connection, process LIMIT 1000"},
	{"sql", "SELECT * FROM pragma_table_info('connections')"},
	{"sql", "SELECT comm, sum(tx_bytes) FROM totals('2026-01-30', 'now') GROUP BY 1"},
	{"list", "--resolve"},
	{"list", "--explain"},
	{"list", "--show-sql"},
	{"list", "--peer=api.example.com"},
	{"list", "--since=boot"},
	{"top-destinations", "--by=name"},
	{"top-destinations", "--by=comm,hour"},
	{"list", "--sort=duration:desc"},
};

static void ask(uint8_t question, uint8_t format)
{
	static const char *const formats[] = {"table", "markdown", "html", "csv",    "tsv",
					      "json",  "jsonl",	   "dot",  "mermaid"};
	const char *argv[] = {"connmon-query", NULL, NULL, NULL, NULL};
	char option[32];
	int n_reports = 0;
	struct answer a;

	while (query_reports[n_reports].name)
		n_reports++;
	question = (uint8_t)(question % (n_reports + (int)COUNT(others)));
	if (question < n_reports) {
		argv[1] = query_reports[question].name;
	} else {
		argv[1] = others[question - n_reports][0];
		argv[2] = others[question - n_reports][1];
	}
	snprintf(option, sizeof(option), "--format=%s", formats[format % COUNT(formats)]);
	if (strcmp(argv[1], "story") != 0) /* which has but one */
		argv[argv[2] ? 3 : 2] = option;
	program_ask(argv, &a);
	program_forget(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taken t = {data, size};
	const uint8_t which = take_byte(&t) % COUNT(page_sizes);
	const uint8_t question = take_byte(&t), format = take_byte(&t);
	struct bytes image;

	if (!images[0].at)
		make_images();
	image.len = images[which].len;
	image.at = malloc(image.len);
	must(image.at);
	memcpy(image.at, images[which].at, image.len);
	for (int i = 0; i < 16 && t.left; i++)
		change(&image, &t, (size_t)page_sizes[which]);
	history_write(image);
	ask(question, format);
	history_must_be(image);
	free(image.at);
	return 0;
}
