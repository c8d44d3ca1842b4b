/* make_db DB SEED.SQL - a new history with the seed's rows in it. */
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
	char *sql;

	if (argc != 3 || (unlink(argv[1]) != 0 && access(argv[1], F_OK) == 0))
		return 2;
	sql = read_file(argv[2]);
	if (!sql || db_open_writer(argv[1], false, &db, &err) || db_exec(db, sql, &err))
		fprintf(stderr, "make_db: %s\n", err.code ? err.msg : argv[2]);
	free(sql);
	return err.code || !sql;
}
