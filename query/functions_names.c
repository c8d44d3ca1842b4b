/*
 * port_name() and user_name(). The system is asked once for each number: it may read files,
 * or ask other machines, for each question. A slot keeps the last of the numbers that share it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "functions_parts.h"

#define SLOTS	   256
#define NAME_BYTES 64	 /* of a longer name the rest is cut */
#define ROOM_BYTES 16384 /* for what else is known of a user */

struct names {
	bool (*find)(int64_t number, char name[NAME_BYTES]);
	int64_t max; /* the greatest number that may have a name */
	struct slot {
		bool used, known;
		int64_t number;
		char name[NAME_BYTES];
	} slots[SLOTS];
};

static bool find_port(int64_t port, char name[NAME_BYTES])
{
	char room[ROOM_BYTES];
	struct servent entry, *found = NULL;

	if (getservbyport_r(htons((uint16_t)port), "tcp", &entry, room, sizeof(room), &found) ||
	    !found)
		return false;
	snprintf(name, NAME_BYTES, "%s", found->s_name);
	return true;
}

static bool find_user(int64_t uid, char name[NAME_BYTES])
{
	char room[ROOM_BYTES];
	struct passwd entry, *found = NULL;

	if (getpwuid_r((uid_t)uid, &entry, room, sizeof(room), &found) || !found)
		return false;
	snprintf(name, NAME_BYTES, "%s", found->pw_name);
	return true;
}

static void give_name(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct names *names = sqlite3_user_data(ctx);
	bool is_number = sqlite3_value_numeric_type(argv[0]) == SQLITE_INTEGER;
	int64_t number = is_number ? sqlite3_value_int64(argv[0]) : -1;
	struct slot *slot;

	(void)argc;
	if (number < 0 || number > names->max)
		return;
	slot = &names->slots[number % SLOTS];
	if (!slot->used || slot->number != number) {
		slot->known = names->find(number, slot->name);
		slot->number = number;
		slot->used = true;
	}
	if (slot->known)
		sqlite3_result_text(ctx, slot->name, -1, SQLITE_TRANSIENT);
}

static int add(sqlite3 *db, const char *name, int64_t max,
	       bool (*find)(int64_t, char name[NAME_BYTES]), struct err *err)
{
	struct names *names = sqlite3_malloc(sizeof(*names));

	if (!names)
		return err_set(err, -ENOMEM, "no memory for function %s", name);
	memset(names, 0, sizeof(*names));
	names->find = find;
	names->max = max;
	/* Neither deterministic nor innocuous: it looks beyond the database, which may do so
	 * only when asked by a statement, not by what is in a file. */
	if (sqlite3_create_function_v2(db, name, 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, names,
				       give_name, NULL, NULL, sqlite3_free) != SQLITE_OK)
		return err_set(err, -EIO, "function %s: %s", name, sqlite3_errmsg(db));
	return 0;
}

int names_register(sqlite3 *db, struct err *err)
{
	int ret = add(db, "port_name", 65535, find_port, err);

	return ret ? ret : add(db, "user_name", 0xfffffffe, find_user, err);
}
