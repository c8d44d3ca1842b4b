#include "history.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db.h"
#include "embed.h"
#include "must.h"

extern const struct embed fuzz_history[]; /* generated: seed.sql and totals.sql */

static struct {
	char folder[64], path[96];
	pid_t owner;
} history;

static const char *in_folder(const char *name, char path[96])
{
	snprintf(path, 96, "%s/%.16s", history.folder, name);
	return path;
}

static void empty_folder(void)
{
	DIR *dir = opendir(history_folder());

	must(dir);
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			must(unlinkat(dirfd(dir), entry->d_name, 0) == 0);
	closedir(dir);
}

static void remove_folder(void)
{
	if (getpid() != history.owner)
		return;
	empty_folder();
	rmdir(history.folder);
}

const char *history_folder(void)
{
	if (history.owner)
		return history.folder;
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD); /* as the program does it */
	/* In memory, where there is such a folder: it is written again and again. */
	snprintf(history.folder, sizeof(history.folder), "%s/connmon-fuzz-XXXXXX",
		 access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	must(mkdtemp(history.folder));
	in_folder("history.db", history.path);
	history.owner = getpid();
	atexit(remove_folder);
	return history.folder;
}

const char *history_path(void)
{
	history_folder();
	return history.path;
}

/* The size of pages is chosen by the first table. */
static void choose_page_size(int page_bytes)
{
	AUTO_DB *db = NULL;
	struct err err = {0};
	char sql[96];

	snprintf(sql, sizeof(sql),
		 "PRAGMA page_size=%d; PRAGMA auto_vacuum=INCREMENTAL;"
		 "CREATE TABLE x (y); DROP TABLE x",
		 page_bytes);
	must(sqlite3_open(history.path, &db) == SQLITE_OK);
	must(db_exec(db, sql, &err) == 0);
}

void history_make(int page_bytes)
{
	struct err err = {0};
	sqlite3 *db = NULL;
	char path[96];

	empty_folder();
	choose_page_size(page_bytes);
	must(db_open_writer(history.path, false, &db, &err) == 0);
	for (const struct embed *e = fuzz_history; e->name; e++)
		must(db_exec(db, e->text, &err) == 0);
	must(db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", &err) == 0);
	db_close(db);
	unlink(in_folder("history.db-wal", path));
	unlink(in_folder("history.db-shm", path));
}

void history_write(struct bytes bytes)
{
	int fd;

	empty_folder();
	fd = open(history.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len);
	close(fd);
}

struct bytes history_read(void)
{
	const int fd = open(history_path(), O_RDONLY | O_CLOEXEC);
	struct bytes bytes = {0};
	struct stat st;

	must(fd >= 0 && fstat(fd, &st) == 0);
	bytes.len = (size_t)st.st_size;
	bytes.at = malloc(bytes.len + 1);
	must(bytes.at && read(fd, bytes.at, bytes.len) == st.st_size);
	close(fd);
	return bytes;
}

static void must_be_known(const char *name)
{
	struct stat st;
	char path[96];

	if (!strcmp(name, "history.db-wal"))
		must(stat(in_folder(name, path), &st) == 0 && st.st_size == 0);
	else
		must(!strcmp(name, "history.db") || !strcmp(name, "history.db-shm"));
}

void history_must_be(struct bytes bytes)
{
	struct bytes now = history_read();
	DIR *dir = opendir(history.folder);

	must(now.len == bytes.len && memcmp(now.at, bytes.at, bytes.len) == 0);
	free(now.at);
	must(dir);
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			must_be_known(entry->d_name);
	closedir(dir);
}
