/* make_db DB SEED.SQL... - a new history with the seeds' rows in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db.h"

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (f && getdelim(&text, &size, '\0', f) < 0) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

int main(int argc, char **argv)
{
	AUTO_DB *db = NULL;
	struct err err = {0};

	if (argc < 3 || (unlink(argv[1]) != 0 && access(argv[1], F_OK) == 0))
		return 2;
	if (db_open_writer(argv[1], false, &db, &err))
		fprintf(stderr, "make_db: %s\n", err.msg);
	for (int i = 2; i < argc && !err.code; i++) {
		char *sql = read_file(argv[i]);

		if (!sql)
			err_set(&err, -EIO, "cannot be read");
		else
			db_exec(db, sql, &err);
		if (err.code)
			fprintf(stderr, "make_db: %s: %s\n", argv[i], err.msg);
		free(sql);
	}
	return err.code != 0;
}
