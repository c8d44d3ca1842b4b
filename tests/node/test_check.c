/* connmon-collect --check on machines that lack something: what it is, what to do, and that nothing
 * is made or changed. */
#include "node.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "program.h"

#define NOBODY 65534

static int fresh(void **state)
{
	*state = node_new();
	return 0;
}

static int done(void **state)
{
	node_free(*state);
	return 0;
}

static struct finished check(const char *program, const char *db, uid_t uid)
{
	return program_run((const char *const[]){program, "--check", "--db", db, NULL}, uid);
}

/* The line of @need begins so, and says this. */
static void assert_line(const struct finished *f, const char *need, const char *state,
			const char *words)
{
	char begin[64], *line, *end, *found;

	snprintf(begin, sizeof(begin), "%-14s %-4s  ", need, state);
	line = strstr(f->out, begin);
	end = line ? strchr(line, '\n') : NULL;
	found = line ? strstr(line, words) : NULL;
	if (!found || found > end)
		fail_msg("no line \"%s\" with \"%s\" in\n%s%s", begin, words, f->out, f->err);
}

static void assert_nothing_made(struct node *n)
{
	char command[128];

	snprintf(command, sizeof(command), "test -z \"$(ls %s | grep connmon.db)\"", n->folder);
	run(command);
}

static void a_machine_with_all_that_is_needed_is_told_so(void **state)
{
	struct node *n = *state;
	struct finished f = check(COLLECT, n->db_path, 0);

	assert_int_equal(f.code, 0);
	assert_string_equal(f.err, "");
	assert_null(strstr(f.out, "FAIL"));
	assert_line(&f, "kernel", "ok", "BTF");
	assert_line(&f, "capabilities", "ok", "");
	assert_line(&f, "ring and hooks", "ok", "16 MiB");
	assert_line(&f, "DNS socket", "ok", "opened");
	assert_line(&f, "disk", "ok", "MiB");
	assert_line(&f, "database", "ok", "can be made");
	assert_nothing_made(n);
}

static void a_user_without_capabilities_is_told_which(void **state)
{
	struct node *n = *state;
	struct finished f;
	char copy[128], command[256];

	snprintf(copy, sizeof(copy), "%s/program", n->folder);
	snprintf(command, sizeof(command), "cp %s %s", COLLECT, copy);
	run(command);
	f = check(copy, n->db_path, NOBODY);
	assert_int_equal(f.code, 69);
	assert_line(&f, "capabilities", "FAIL", "CAP_BPF and CAP_PERFMON");
	assert_line(&f, "ring and hooks", "FAIL", "see above");
	assert_line(&f, "DNS socket", "note", "CAP_NET_RAW");
	assert_line(&f, "database", "FAIL", "no file can be made");
	assert_nothing_made(n);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
	struct node *n = *state;
	struct finished f;

	snprintf(n->db_path, sizeof(n->db_path), "%s/nowhere/connmon.db", n->folder);
	f = check(COLLECT, n->db_path, 0);
	assert_int_equal(f.code, 69);
	assert_line(&f, "database", "FAIL", "create it first");
}

static void a_damaged_database_is_told_and_stays(void **state)
{
	struct node *n = *state;
	struct finished f;
	long recorded, lost;
	struct stat st;
	int fd;

	node_start(n, (const char *const[]){NULL});
	node_stop(n, &recorded, &lost);
	f = check(COLLECT, n->db_path, 0);
	assert_int_equal(f.code, 0);
	assert_line(&f, "database", "ok", "whole");
	fd = open(n->db_path, O_RDWR | O_CLOEXEC);
	must(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = 4096; at < st.st_size; at += 8)
		must(pwrite(fd, "nonsense", 8, at) == 8);
	close(fd);
	f = check(COLLECT, n->db_path, 0);
	assert_int_equal(f.code, 69);
	assert_line(&f, "database", "FAIL", "connmon.db: ");
	assert_int_equal(access(n->db_path, F_OK), 0);
}

static void a_disk_with_little_room_is_told(void **state)
{
	struct node *n = *state;
	struct finished f;
	char disk[80];

	snprintf(disk, sizeof(disk), "%s/disk", n->folder);
	must(mkdir(disk, 0755) == 0 && unshare(CLONE_NEWNS) == 0);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("connmon-test", disk, "tmpfs", 0, "size=4m,mode=755") == 0);
	snprintf(n->db_path, sizeof(n->db_path), "%s/connmon.db", disk);
	f = check(COLLECT, n->db_path, 0);
	must(umount2(disk, MNT_DETACH) == 0);
	assert_int_equal(f.code, 69);
	assert_line(&f, "disk", "FAIL", "free some space");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, done)
	const struct CMUnitTest tests[] = {
		TEST(a_machine_with_all_that_is_needed_is_told_so),
		TEST(a_user_without_capabilities_is_told_which),
		TEST(a_folder_that_is_not_there_is_told),
		TEST(a_damaged_database_is_told_and_stays),
		TEST(a_disk_with_little_room_is_told),
	};

	if (node_missing())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
