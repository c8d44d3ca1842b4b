#include "herd.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define STOPPED	      5
#define FIRST_SHM     120 /* https://www.sqlite.org/walformat.html (2.3.1): locks of the shm */
#define LAST_SHM      135
#define PENDING	      0x40000000L /* https://www.sqlite.org/c3ref/file_control.html: of the database */
#define SHARED_LAST   (PENDING + 511)
#define PATIENCE_10MS 6000

#define QUESTION "SELECT count(*), sum(tx_bytes) FROM connections WHERE outcome = 'closed'"

struct herd {
	char db[96], shm[112], query[96];
	struct herd_account account;
	pid_t pids[HERD];
	sem_t stopped;
	unsigned int seed;
};

static void count(long *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

/* ---- what they do ---- */

static bool read_once(struct herd *c, const char *sql)
{
	sqlite3 *db = NULL;
	bool ok = sqlite3_open_v2(c->db, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK;

	if (ok) {
		sqlite3_busy_timeout(db, 5000);
		ok = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	}
	if (!ok)
		fprintf(stderr, "herd: %s\n", sqlite3_errmsg(db));
	sqlite3_close(db);
	return ok;
}

static void ask(struct herd *c)
{
	for (;; usleep(20000))
		count(read_once(c, QUESTION) ? &c->account.asked : &c->account.refused);
}

static void ask_by_program(struct herd *c, const char *const argv[])
{
	for (;; usleep(50000)) {
		pid_t pid = fork();
		int status;

		must(pid >= 0);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
			must(execvp(argv[0], (char *const *)argv) == 0);
		}
		must(waitpid(pid, &status, 0) == pid);
		count(status == 0 ? &c->account.asked : &c->account.refused);
	}
}

static void ask_by_query(struct herd *c)
{
	const char *const argv[] = {c->query,		"--db",	   c->db, "--quiet",
				    "top-destinations", "--limit", "3",	  NULL};

	ask_by_program(c, argv);
}

static void ask_by_shell(struct herd *c)
{
	const char *const argv[] = {"sqlite3", "-readonly", c->db, QUESTION, NULL};

	ask_by_program(c, argv);
}

/* Whatever locks a descriptor that only reads can have, again and again. */
static void lock_all(struct herd *c)
{
	const struct {
		const char *path;
		long first, last;
	} bytes[] = {{c->shm, FIRST_SHM, LAST_SHM}, {c->db, PENDING, SHARED_LAST}};
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = open(bytes[i].path, O_RDONLY | O_CLOEXEC);
		must(fds[i] >= 0);
	}
	for (;; usleep(1000))
		for (int i = 0; i < 2; i++) {
			struct flock lock = {.l_whence = SEEK_SET, .l_len = 1};

			lock.l_type = F_RDLCK;
			for (lock.l_start = bytes[i].first; lock.l_start <= bytes[i].last;
			     lock.l_start++)
				if (fcntl(fds[i], F_SETLK, &lock) == 0)
					count(&c->account.locked);
			usleep(20000);
			lock = (struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET};
			must(fcntl(fds[i], F_SETLK, &lock) == 0);
		}
}

static void stop_in_a_transaction(struct herd *c)
{
	sqlite3 *db = NULL;

	must(sqlite3_open_v2(c->db, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
	must(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM run", NULL, NULL, NULL) == SQLITE_OK);
	must(sem_post(&c->stopped) == 0);
	raise(SIGSTOP);
	_exit(0);
}

/* ---- who they are ---- */

static void (*part_of(int i))(struct herd *)
{
	if (i < STOPPED)
		return stop_in_a_transaction;
	if (i < 15)
		return lock_all;
	if (i < 35)
		return ask_by_query;
	return i < 55 ? ask_by_shell : ask;
}

static void become_member(void)
{
	must(setgroups(0, NULL) == 0);
	must(setresgid(HERD_USER, HERD_USER, HERD_USER) == 0);
	must(setresuid(HERD_USER, HERD_USER, HERD_USER) == 0);
}

static void begin_one(struct herd *c, int i)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		/* It is about locks and files, not about who gets the processor. */
		must(setpgid(0, 0) == 0);
		must(setpriority(PRIO_PROCESS, 0, 19) == 0);
		become_member();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		part_of(i)(c);
	}
	c->pids[i] = pid;
	c->account.begun++;
}

static void end_one(struct herd *c, int i)
{
	/* Those that it has started go by its end. */
	must(kill(c->pids[i], SIGKILL) == 0);
	must(waitpid(c->pids[i], NULL, 0) == c->pids[i]);
	c->account.killed++;
}

struct herd *herd_begin(struct node *n, const char *query)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	struct herd *c =
		mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[128], command[256];

	must(c != MAP_FAILED && sem_init(&c->stopped, 1, 0) == 0);
	snprintf(c->db, sizeof(c->db), "%s", n->db_path);
	snprintf(c->shm, sizeof(c->shm), "%s-shm", n->db_path);
	/* Where everybody may run it: the build folder may be in somebody's private home. */
	snprintf(c->query, sizeof(c->query), "%s/connmon-query", n->folder);
	snprintf(command, sizeof(command), "cp %s %s", query, c->query);
	run(command);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", n->db_path, endings[i]);
		must(chown(path, (uid_t)-1, HERD_USER) == 0 && chmod(path, 0640) == 0);
	}
	for (int i = 0; i < HERD; i++)
		begin_one(c, i);
	for (int i = 0; i < STOPPED; i++) {
		int tries = 0;

		while (sem_trywait(&c->stopped) != 0) {
			must(++tries < PATIENCE_10MS);
			usleep(10000);
		}
	}
	return c;
}

void herd_kill_one(struct herd *c)
{
	int i = STOPPED + rand_r(&c->seed) % (HERD - STOPPED);

	end_one(c, i);
	begin_one(c, i);
}

pid_t herd_stopped(const struct herd *c)
{
	return c->pids[0];
}

struct herd_account herd_end(struct herd *c)
{
	struct herd_account account;

	for (int i = 0; i < HERD; i++)
		end_one(c, i);
	account = c->account;
	munmap(c, sizeof(*c));
	return account;
}
