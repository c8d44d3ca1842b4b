#include "pinned.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "program.h"

char bpffs[80], pins[96];

int pins_mounted(void **state)
{
	struct node *n = node_new();

	must(unshare(CLONE_NEWNS) == 0);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	snprintf(bpffs, sizeof(bpffs), "%s/bpf", n->folder);
	snprintf(pins, sizeof(pins), "%s/connmon", bpffs);
	must(mkdir(bpffs, 0755) == 0);
	must(mount("bpf", bpffs, "bpf", 0, "mode=0755") == 0);
	*state = n;
	return 0;
}

int pins_done(void **state)
{
	struct node *n = *state;

	if (n->pid)
		node_crash(n);
	must(umount(bpffs) == 0);
	node_free(n);
	return 0;
}

void pins_begin(struct node *n, const char *option, const char *value)
{
	node_start(n,
		   (const char *const[]){"--flush", "100ms", "--pin", pins, option, value, NULL});
}

void assert_said(struct node *n, const char *words)
{
	char *text = file_text(n->err_path);

	/* Told after "ready". */
	for (int i = 0; i < 500 && !strstr(text, words); i++) {
		free(text);
		usleep(10000);
		text = file_text(n->err_path);
	}
	if (!strstr(text, words))
		fail_msg("standard error should hold \"%s\":\n%s", words, text);
	free(text);
}

void pins_end(struct node *n)
{
	long recorded, lost;

	node_stop(n, &recorded, &lost);
	assert_int_equal(lost, node_number(n,
					   "SELECT total(lost) FROM run WHERE id ="
					   " (SELECT max(id) FROM run)",
					   0));
	assert_said(n, "the kernel goes on collecting");
}

/* @sql tells what is wrong: nothing may be. */
static void assert_none(struct node *n, const char *sql)
{
	char *wrong = node_text(n, sql, 0);

	assert_string_equal(wrong, "");
	free(wrong);
}

void each_run_accounts_for_what_it_took_and_no_other(void **state)
{
	struct node *n = *state;
	long rows = node_number(n, "SELECT count(*) FROM connection WHERE outcome <> 8", 0);

	assert_none(n, "SELECT group_concat(format('run %d, %s: %d seen, %d recorded, %d lost,"
		       " %d filtered', run_id, record, seen, recorded, lost, filtered), '; ')"
		       " FROM account WHERE seen <> recorded + lost + filtered");
	/* A row whose end nobody saw (outcome 8: see NODE_MISSED) is recorded, too. */
	assert_none(n, "SELECT group_concat(format('run %d: %d seen, %d recorded, %d lost',"
		       " id, seen, recorded, lost), '; ') FROM run"
		       " WHERE recorded + lost - seen NOT BETWEEN 0"
		       " AND (SELECT count(*) FROM connection WHERE outcome = 8)");
	assert_in_range(node_number(n, "SELECT sum(recorded) FROM account WHERE record = 'end'", 0),
			rows, node_number(n, "SELECT count(*) FROM connection", 0));
}
