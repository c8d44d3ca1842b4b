/* empty DB - a new history without rows, for connmon(5) to be made from. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "db.h"

int main(int argc, char **argv)
{
	AUTO_DB *db = NULL;
	struct err err = {0};

	if (argc != 2 || (unlink(argv[1]) != 0 && errno != ENOENT))
		return 2;
	if (db_open_writer(argv[1], false, &db, &err) != 0)
		fprintf(stderr, "empty: %s\n", err.msg);
	return err.code != 0;
}
