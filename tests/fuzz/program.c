#include "program.h"

#include <fcntl.h>
#include <time.h>

#include "clean.h"
#include "db.h"
#include "history.h"
#include "must.h"
#include "prompt.h"

/* The program itself, of which only main() is not called. */
int connmon_query_main(int argc, char **argv);
#define main connmon_query_main
#include "../../query/main.c"
#undef main

#define TIMEOUT_US     500000
#define LONG_US	       5000000 /* for a story, which is many questions */
#define GIVE_UP_S      30      /* of the processor, by what does not heed that it is to end */
#define OUT_MAX_BYTES  (4 << 20)
#define HEAP_MAX_BYTES (INT64_C(1) << 30) /* as in ask.c */

/* ---- standard output and error ---- */

struct sink {
	char *text;
	size_t len, room;
	bool is_full;
};

static ssize_t take(void *cookie, const char *text, size_t len)
{
	struct sink *s = cookie;

	if (s->len + len > OUT_MAX_BYTES) {
		s->is_full = true;
		errno = ENOSPC;
		return 0;
	}
	while (s->len + len + 1 > s->room) {
		s->room = s->room ? 2 * s->room : 4096;
		s->text = realloc(s->text, s->room);
		must(s->text);
	}
	memcpy(s->text + s->len, text, len);
	s->len += len;
	s->text[s->len] = '\0';
	return (ssize_t)len;
}

static FILE *sink_open(struct sink *s)
{
	FILE *f = fopencookie(s, "w", (cookie_io_functions_t){.write = take});

	must(f);
	*s = (struct sink){.text = calloc(1, 1), .room = 1};
	must(s->text);
	return f;
}

/* ---- the time it may take ---- */

static time_t asked_s;

static time_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec;
}

/* The program would end now, whatever the statement does. Here it is waited for. */
static void on_late(const char *words)
{
	(void)words;
	must(seconds() - asked_s < GIVE_UP_S);
}

/* ---- asking ---- */

/* The reports do not change: they are read once. */
static void prepare(struct request *q)
{
	static struct request *prepared;
	struct err err = {0};

	if (!prepared) {
		const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(nothing, STDIN_FILENO);
		if (isatty(STDOUT_FILENO))
			dup2(nothing, STDOUT_FILENO);
		close(nothing);
		setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
		tzset();
		watch_give_up = on_late;
		prepared = calloc(1, sizeof(*prepared));
		must(prepared);
		must(request_init(prepared, commands, &err) == 0);
	}
	*q = *prepared;
}

static int count(const char *const argv[])
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

/* As main() and answer() do it. */
static enum status ask_words(struct request *q, const char *const argv[])
{
	enum status status = STATUS_OK;
	struct err err = {0};
	bool has_gaps = false;

	if (request_read(q, count(argv), (char *const *)argv, now_us(), &err)) {
		status = STATUS_USAGE;
	} else {
		q->db_path = history_path();
		q->timeout_us = q->report == &q->story ? LONG_US : TIMEOUT_US;
		if (run(q, &has_gaps, &err))
			status = failure(&err);
		else if (q->strict && has_gaps)
			status = STATUS_GAPS;
	}
	must(!err.code == (status == STATUS_OK || status == STATUS_GAPS));
	must(!err.code || err.msg[0]);
	if (err.code)
		remark(err.msg);
	return status;
}

static enum status ask_prompt(struct request *q, const char *const argv[])
{
	struct err err = {0};

	must(request_read(q, count(argv), (char *const *)argv, now_us(), &err) == 0);
	q->db_path = history_path();
	q->timeout_us = TIMEOUT_US;
	must(prompt(q, &err) == 0 || err.code == -ENOSPC);
	if (err.code)
		remark(err.msg);
	return err.code ? STATUS_FAILED : STATUS_OK;
}

typedef enum status ask_fn(struct request *q, const char *const argv[]);

/* Within the folder, so that a file that it makes is seen. */
static enum status ask_there(ask_fn *ask, struct request *q, const char *const argv[])
{
	const int here = open(".", O_PATH | O_CLOEXEC);
	enum status status;

	must(here >= 0 && chdir(history_folder()) == 0);
	status = ask(q, argv);
	must(fchdir(here) == 0);
	close(here);
	return status;
}

static void asked(ask_fn *ask, const char *const argv[], struct answer *a)
{
	FILE *const out = stdout, *const err = stderr;
	struct request *q = calloc(1, sizeof(*q));
	struct sink sinks[2];

	must(q);
	prepare(q);
	sqlite3_memory_highwater(1);
	asked_s = seconds();
	stdout = sink_open(&sinks[0]);
	stderr = sink_open(&sinks[1]);
	setvbuf(stderr, NULL, _IONBF, 0);
	a->status = ask_there(ask, q, argv);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
	free(q);
	a->out = sinks[0].text;
	a->out_len = sinks[0].len;
	a->err = sinks[1].text;
	a->err_len = sinks[1].len;
	a->is_whole = !sinks[0].is_full;
	if (a->is_whole) /* else it may end within a character */
		must_be_clean(a->out, a->out_len, "\t");
	must_be_clean(a->err, a->err_len, "");
	must(sqlite3_memory_highwater(0) <= HEAP_MAX_BYTES);
	must(a->is_whole || a->status == STATUS_FAILED);
	must(a->status == STATUS_OK || a->status == STATUS_GAPS ||
	     strstr(a->err, "connmon-query: "));
}

void program_ask(const char *const argv[], struct answer *out)
{
	asked(ask_words, argv, out);
}

void program_prompt(void)
{
	struct answer a;

	asked(ask_prompt, (const char *const[]){"connmon-query", "sql", NULL}, &a);
	program_forget(&a);
}

bool program_may_ask(const char *const argv[])
{
	struct request *q = calloc(1, sizeof(*q));
	struct err err = {0};
	bool may = true;

	must(q);
	prepare(q);
	for (int i = 0; argv[i]; i++)
		may &= !strstr(argv[i], "--cursor-file") && !strstr(argv[i], "--file");
	if (may && !request_read(q, count(argv), (char *const *)argv, now_us(), &err))
		may = !q->watch_us && (!q->command || strcmp(q->command->name, "follow") != 0);
	free(q);
	return may;
}

void program_forget(struct answer *a)
{
	free(a->out);
	free(a->err);
}
