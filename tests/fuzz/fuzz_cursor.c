/* The file of a cursor, with anything in it. It is refused with a reason; or saved again it is the
 * same file, and what it asks of a history is a window. */
#include <fcntl.h>
#include <unistd.h>

#include "cursor.h"
#include "db.h"
#include "embed.h"
#include "feed.h"
#include "history.h"
#include "must.h"
#include "report.h"

static struct {
	char path[96];
	struct report report;
	sqlite3 *db;
} it;

static void begin(void)
{
	static const struct embed file = {"list",
					  "-- title: t\n-- help: h\n-- example: e\nSELECT 1"};
	struct err err = {0};

	snprintf(it.path, sizeof(it.path), "%s/cursor", history_folder());
	must(report_parse(&file, &it.report, &err) == 0);
	must(sqlite3_open(":memory:", &it.db) == SQLITE_OK);
	must(db_exec(it.db,
		     "CREATE TABLE run (id INTEGER PRIMARY KEY, start_us INTEGER);"
		     "INSERT INTO run VALUES (7, 1769600000000000);"
		     "CREATE TABLE connection (id INTEGER PRIMARY KEY);"
		     "INSERT INTO connection VALUES (1769860800000000)",
		     &err) == 0);
}

static void write_file(const uint8_t *data, size_t size)
{
	const int fd = open(it.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void must_be_saved_as(const struct cursor *c, const uint8_t *data, size_t size)
{
	char text[4096];
	struct err err = {0};
	ssize_t n;
	int fd;

	must(cursor_save(c, &err) == 0);
	fd = open(it.path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0);
	n = read(fd, text, sizeof(text));
	close(fd);
	must(n == (ssize_t)size && memcmp(text, data, size) == 0);
}

static void must_be_window(struct cursor *c)
{
	struct report_args args = {0};
	const int64_t from = c->id;
	struct err err = {0};
	const int ret = cursor_apply(c, &it.report, &args, it.db, &err);

	if (ret) {
		must(ret == -ESTALE && strstr(err.msg, it.path));
		return;
	}
	must(args.since_us == from + 1 && args.since_us <= args.until_us && c->id >= from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c;
	struct err err = {0};
	int ret;

	if (!it.db)
		begin();
	write_file(data, size);
	ret = cursor_load(it.path, "list", &c, &err);
	if (ret) {
		must((ret == -EBADMSG || ret == -EINVAL) && strstr(err.msg, it.path));
		return 0;
	}
	must(!c.is_new && c.id >= 0 && !strcmp(c.report, "list"));
	must_be_saved_as(&c, data, size);
	must_be_window(&c);
	return 0;
}
