/* The text of /proc/PID/stat and status: any, and as the kernel writes it for a process that may
 * call itself anything. Of the latter all is read as it was. */
#include <inttypes.h>
#include <stdio.h>

#include "proc_text.h"
#include "script.h"

#define LONGEST 64 /* what the kernel calls a thread of its own, and a NUL */

static void check_any(const char *text)
{
	struct proc_stat st;
	uint32_t uid;

	memset(&st, 0xaa, sizeof(st));
	if (proc_stat_read(text, &st)) {
		const size_t len = strnlen(st.comm, COMM_LEN);

		must(len < COMM_LEN);
		must(memcmp(strchr(text, '(') + 1, st.comm, len) == 0);
	}
	if (proc_uid_read(text, &uid))
		must(strstr(text, "\nUid:"));
}

/* fs/proc/array.c, do_task_stat(): the name raw. */
static void check_stat(const char *comm, uint32_t ppid, uint64_t ticks)
{
	char text[1024];
	struct proc_stat st;

	snprintf(text, sizeof(text),
		 "4294967295 (%s) S %" PRIu32 " 1 1 0 -1 4194560 1 2 3 4 5 6 -7 8 20 0 1 0 %" PRIu64
		 " 22 33 18446744073709551615 1 1 0 0 0 0 0 0 0 1 0 0 17 0 0 0 0 0 0\n",
		 comm, ppid, ticks);
	if (strlen(comm) >= COMM_LEN) { /* of a thread of the kernel */
		must(!proc_stat_read(text, &st));
		return;
	}
	must(proc_stat_read(text, &st));
	must(strcmp(st.comm, comm) == 0 && st.ppid == ppid && st.start_ticks == ticks);
	/* What is left of it without its end tells no start. */
	*strstr(strrchr(text, ')'), " 20 0 1 0 ") = '\0';
	must(!proc_stat_read(text, &st));
}

/* proc_pid_status(): a new line of the name as \n, a backslash as two. */
static void check_status(const char *comm, uint32_t uid)
{
	char name[2 * LONGEST], text[1024];
	size_t n = 0;
	uint32_t got;

	for (; *comm; comm++) {
		if (*comm == '\n' || *comm == '\\')
			name[n++] = '\\';
		name[n++] = *comm == '\n' ? 'n' : *comm;
	}
	name[n] = '\0';
	snprintf(text, sizeof(text),
		 "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\nPid:\t7\nPPid:\t1\n"
		 "Uid:\t%" PRIu32 "\t1\t2\t3\nGid:\t4\t4\t4\t4\n",
		 name, uid);
	must(proc_uid_read(text, &got) && got == uid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	const uint32_t ppid = script_number(&s, 4), uid = script_number(&s, 4);
	const uint64_t ticks = (uint64_t)script_number(&s, 4) << 32 | script_number(&s, 4);
	char comm[LONGEST];
	size_t len;
	char *text;

	script_fill(&s, comm, sizeof(comm) - 1);
	comm[sizeof(comm) - 1] = '\0';
	check_stat(comm, ppid, ticks);
	check_status(comm, uid);
	text = script_text(&s, s.left, &len);
	check_any(text);
	free(text);
	return 0;
}
