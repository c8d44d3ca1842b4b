/* Where the collector is willing to write: what others have planted is refused and left as it
 * is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "place.h"

#define STRANGER 12345

struct fixture {
	char folder[64], db[96], target[96];
	struct privilege who;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->folder, "/tmp/connmon-place-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->db, sizeof(f->db), "%s/connmon.db", f->folder);
	snprintf(f->target, sizeof(f->target), "%s/target", f->folder);
	f->who.uid = geteuid();
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void make_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");

	assert_true(out && fputs(text, out) >= 0 && fclose(out) == 0);
	assert_int_equal(chmod(path, 0640), 0);
}

static void assert_untouched(const char *path)
{
	char text[16] = "";
	FILE *in = fopen(path, "re");

	assert_true(in && fgets(text, sizeof(text), in));
	fclose(in);
	assert_string_equal(text, "precious");
}

/* What the collector does before it opens anything. */
static int start_at(const struct fixture *f, const char *path, struct err *err)
{
	char real[PATH_MAX];
	int ret = place_find(path, &f->who, real, err);

	if (!ret)
		ret = place_check(real, &f->who, err);
	if (!ret)
		ret = place_make(real, &f->who, err);
	return ret;
}

static void assert_refused(const struct fixture *f, const char *path, const char *why)
{
	struct err err = {0};

	assert_int_equal(start_at(f, path, &err), -EPERM);
	if (!strstr(err.msg, why))
		fail_msg("it says \"%s\", not \"%s\"", err.msg, why);
}

enum plant { SYMLINK, HARDLINK, FOREIGN, PLANTS };

static void plant(const struct fixture *f, enum plant what, const char *path)
{
	make_file(f->target, "precious");
	switch (what) {
	case SYMLINK:
		assert_int_equal(symlink(f->target, path), 0);
		assert_int_equal(lchown(path, STRANGER, STRANGER), 0);
		break;
	case HARDLINK:
		assert_int_equal(link(f->target, path), 0);
		break;
	case FOREIGN:
		make_file(path, "precious");
		assert_int_equal(chown(path, STRANGER, STRANGER), 0);
		break;
	case PLANTS:
		break;
	}
}

static void twelve_planted_files_are_refused_and_left_as_they_are(void **state)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
	static const char *const words[PLANTS] = {"symbolic link", "hard link", "another user"};
	struct fixture *f = *state;
	char path[128];

	if (geteuid() != 0)
		skip(); /* who else could make a file of a stranger? */
	for (int i = 0; i < 4; i++)
		for (enum plant what = SYMLINK; what < PLANTS; what++) {
			snprintf(path, sizeof(path), "%s%s", f->db, endings[i]);
			plant(f, what, path);
			assert_refused(f, f->db, words[what]);
			assert_untouched(f->target);
			assert_untouched(path);
			assert_int_equal(unlink(path), 0);
		}
	assert_int_equal(access(f->db, F_OK), -1);
}

static void a_pipe_instead_of_a_wal_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s-wal", f->db);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(f, f->db, "no regular file");
}

static void a_link_of_ours_is_followed_to_where_it_leads(void **state)
{
	struct fixture *f = *state;
	char link_path[128], folder[96], real[PATH_MAX];
	struct err err = {0};

	snprintf(folder, sizeof(folder), "%s/connmon", f->folder);
	snprintf(link_path, sizeof(link_path), "%s/link.db", f->folder);
	assert_int_equal(mkdir(folder, 0750), 0);
	assert_int_equal(symlink("connmon/../connmon//connmon.db", link_path), 0);
	assert_int_equal(start_at(f, link_path, &err), 1);
	assert_int_equal(place_find(link_path, &f->who, real, &err), 0);
	strcat(folder, "/connmon.db");
	assert_string_equal(real, folder);
	assert_int_equal(access(folder, F_OK), 0);
}

static void links_in_a_circle_are_told(void **state)
{
	struct fixture *f = *state;
	char real[PATH_MAX];
	struct err err = {0};

	assert_int_equal(symlink("connmon.db", f->db), 0);
	assert_int_equal(place_find(f->db, &f->who, real, &err), -ELOOP);
}

static void a_path_that_leads_nowhere_is_told(void **state)
{
	struct fixture *f = *state;
	static char name[2 * PATH_MAX];
	char path[256], real[PATH_MAX];
	struct err err = {0};

	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(place_find(name, &f->who, real, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "too long"));
	/* Also what becomes too long by a link. */
	name[PATH_MAX - 100] = '\0';
	for (size_t i = 100; i < PATH_MAX - 100; i += 100)
		name[i] = '/';
	snprintf(path, sizeof(path), "%s/long", f->folder);
	assert_int_equal(symlink(name, path), 0);
	snprintf(path, sizeof(path), "%s/long/%0120d/connmon.db", f->folder, 7);
	assert_true(place_find(path, &f->who, real, &err) < 0);
	/* A file is no folder. */
	make_file(f->target, "x");
	snprintf(path, sizeof(path), "%s/target/connmon.db", f->folder);
	assert_int_equal(place_find(path, &f->who, real, &err), -ENOTDIR);
	assert_non_null(strstr(err.msg, "target"));
	/* ".." is the folder above, also of the first one. */
	snprintf(path, sizeof(path), "/../%s/./nowhere/../connmon.db", f->folder);
	assert_int_equal(place_find(path, &f->who, real, &err), -ENOENT);
	snprintf(path, sizeof(path), "/../..%s/./connmon.db", f->folder);
	assert_int_equal(place_find(path, &f->who, real, &err), 0);
	assert_string_equal(real, f->db);
}

static void a_folder_that_others_may_write_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->folder, 0777), 0);
	assert_refused(f, f->db, "chmod go-w");
	assert_int_equal(chmod(f->folder, 01777), 0);
	assert_refused(f, f->db, "others may write");
	assert_int_equal(chmod(f->folder, 0755), 0);
	assert_int_equal(access(f->db, F_OK), -1);
}

static void a_folder_on_the_way_that_others_may_write_is_refused(void **state)
{
	struct fixture *f = *state;
	char folder[96], db[128];
	struct err err = {0};

	snprintf(folder, sizeof(folder), "%s/inner", f->folder);
	snprintf(db, sizeof(db), "%s/connmon.db", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chmod(f->folder, 0777), 0);
	assert_refused(f, db, "others may write");
	/* As in /tmp, where nobody can rename what is another's. */
	assert_int_equal(chmod(f->folder, 01777), 0);
	assert_int_equal(start_at(f, db, &err), 1);
}

static void a_folder_of_a_stranger_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(f->folder, STRANGER, STRANGER), 0);
	assert_refused(f, f->db, "belongs to user 12345");
	/* But not the folder of who we become, or of who called sudo. */
	f->who.uid = STRANGER;
	assert_int_equal(start_at(f, f->db, &(struct err){0}), 1);
	f->who.uid = 0;
	assert_int_equal(setenv("SUDO_UID", "12345", 1), 0);
	assert_int_equal(start_at(f, f->db, &(struct err){0}), 0);
	assert_int_equal(unsetenv("SUDO_UID"), 0);
	assert_refused(f, f->db, "belongs to user 12345");
}

static void a_folder_that_a_group_may_write_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(f->folder, 0, STRANGER), 0);
	assert_int_equal(chmod(f->folder, 0775), 0);
	assert_refused(f, f->db, "others may write");
}

static void a_new_file_is_nobody_elses_until_it_is_shared(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	struct stat st;

	if (geteuid() == 0) {
		f->who = (struct privilege){.change = true, .uid = STRANGER, .gid = STRANGER};
		assert_int_equal(chown(f->folder, STRANGER, STRANGER), 0);
	}
	assert_int_equal(start_at(f, f->db, &err), 1);
	assert_int_equal(stat(f->db, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, f->who.uid);
	place_share(f->db);
	assert_int_equal(stat(f->db, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void what_cannot_be_looked_at_is_told_by_its_path(void **state)
{
	struct fixture *f = *state;
	char real[PATH_MAX];
	struct err err = {0};

	fail_call("getcwd", 1, ENOENT);
	assert_int_equal(place_find("h.db", &f->who, real, &err), -ENOENT);
	assert_int_equal(mend_calls(), 1);
	assert_string_equal(err.msg, "h.db: the current folder: No such file or directory");

	assert_int_equal(symlink("target", f->db), 0);
	fail_call("readlink", 1, EIO);
	assert_int_equal(place_find(f->db, &f->who, real, &err), -EIO);
	assert_int_equal(mend_calls(), 1);
	assert_non_null(strstr(err.msg, "connmon.db: Input/output error"));
}

/* As somebody who is not root: 0 when it is as it should be. */
static int find_as_a_stranger(const char *path)
{
	const struct privilege who = {.uid = STRANGER};
	char real[PATH_MAX];
	struct err err = {0};

	if (setgid(STRANGER) || setuid(STRANGER))
		return 1;
	if (place_find(path, &who, real, &err) != -EACCES)
		return 2;
	return strstr(err.msg, "no permission; run as root, or name another file") ? 0 : 3;
}

static void a_folder_that_may_not_be_entered_is_told_with_what_to_do(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(f->folder, 0700), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(find_as_a_stranger(f->db));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_link_that_makes_the_path_too_long_is_told(void **state)
{
	struct fixture *f = *state;
	static char path[PATH_MAX], target[PATH_MAX];
	char real[PATH_MAX], link_path[96];
	struct err err = {0};

	for (size_t i = 0; i < 4000; i += 2)
		memcpy(target + i, "./", 3);
	snprintf(link_path, sizeof(link_path), "%s/link", f->folder);
	assert_int_equal(symlink(target, link_path), 0);
	snprintf(path, sizeof(path), "%s/%.100s/connmon.db", link_path, target);
	assert_int_equal(place_find(path, &f->who, real, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "the path is too long"));
}

static void what_cannot_be_given_away_is_told_and_not_left_there(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};

	if (geteuid() != 0)
		skip();
	f->who = (struct privilege){.change = true,
				    .uid = STRANGER,
				    .gid = STRANGER,
				    .name = "somebody"};
	fail_call("fchown", 1, EPERM);
	assert_int_equal(place_make(f->db, &f->who, &err), -EPERM);
	assert_int_equal(mend_calls(), 1);
	assert_non_null(strstr(err.msg, "giving it to user somebody: Operation not permitted"));
	assert_int_not_equal(access(f->db, F_OK), 0);
}

static uid_t owner_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_uid;
}

/* They are root's, of a collector that ran as root before. */
static void all_files_of_a_database_are_given_to_who_we_become(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	char wal[128];

	make_file(f->db, "x");
	snprintf(wal, sizeof(wal), "%s-wal", f->db);
	make_file(wal, "x");
	assert_int_equal(place_give(f->db, &f->who, &err), 0); /* we stay who we are */
	assert_int_equal(owner_of(wal), geteuid());
	if (geteuid() != 0)
		skip();
	f->who = (struct privilege){.change = true,
				    .uid = STRANGER,
				    .gid = STRANGER,
				    .name = "somebody"};
	assert_int_equal(place_give(f->db, &f->who, &err), 0);
	assert_int_equal(owner_of(f->db), STRANGER);
	assert_int_equal(owner_of(wal), STRANGER);
	f->who.uid++;
	fail_call("lchown", 2, EROFS);
	assert_int_equal(place_give(f->db, &f->who, &err), -EROFS);
	assert_int_equal(mend_calls(), 1);
	assert_non_null(strstr(err.msg, "connmon.db-wal: giving it to user somebody: "));
}

static void a_folder_with_another_in_it_is_not_for_the_database_alone(void **state)
{
	struct fixture *f = *state;

	make_file(f->db, "x");
	assert_true(place_is_own(f->db));
	assert_int_equal(mkdir(f->target, 0755), 0);
	assert_false(place_is_own(f->db));
	fail_call("opendir", 1, EACCES); /* who knows */
	assert_false(place_is_own(f->db));
	assert_int_equal(mend_calls(), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(twelve_planted_files_are_refused_and_left_as_they_are),
		TEST(a_pipe_instead_of_a_wal_is_refused),
		TEST(a_link_of_ours_is_followed_to_where_it_leads),
		TEST(links_in_a_circle_are_told),
		TEST(a_path_that_leads_nowhere_is_told),
		TEST(a_folder_that_others_may_write_is_refused),
		TEST(a_folder_on_the_way_that_others_may_write_is_refused),
		TEST(a_folder_of_a_stranger_is_refused),
		TEST(a_folder_that_a_group_may_write_is_refused),
		TEST(a_new_file_is_nobody_elses_until_it_is_shared),
		TEST(what_cannot_be_looked_at_is_told_by_its_path),
		TEST(a_folder_that_may_not_be_entered_is_told_with_what_to_do),
		TEST(a_link_that_makes_the_path_too_long_is_told),
		TEST(what_cannot_be_given_away_is_told_and_not_left_there),
		TEST(all_files_of_a_database_are_given_to_who_we_become),
		TEST(a_folder_with_another_in_it_is_not_for_the_database_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
