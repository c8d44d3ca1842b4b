/* connmon-forward: the loop around forward.c; the only place that prints or exits. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>

#include "forward.h"
#include "init.h"
#include "options.h"
#include "status.h"

#define PROGRAM	     "connmon-forward"
#define FIRST_MS     1000 /* after a failure, and twice as long after the next */
#define LONGEST_MS   60000
#define ONCE_TRIES   3
#define SAY_AGAIN_S  600
#define TELL_S	     10 /* while it catches up */
#define SKEW_WARN_US 60000000

static volatile bool stop;

static void on_signal(int signal_number)
{
	(void)signal_number;
	stop = true;
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL); /* the terminal was closed */
	signal(SIGPIPE, SIG_IGN);
}

static int say(const struct err *err, int status)
{
	fprintf(stderr, PROGRAM ": %s\n", err->msg);
	return status;
}

static void sleep_ms(int64_t ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	while (!stop && nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* ---- trouble ---- */

/* What lasts is told once, then every ten minutes. */
struct trouble {
	char told[sizeof(((struct err *)NULL)->msg)];
	time_t told_at;
	int tries; /* in a row */
	uint64_t failures;
	bool has_worked;
};

/* The same, whatever the server's own words, which come last, name this time. */
static bool is_told(const struct trouble *t, const struct err *err)
{
	static const char before_its_words[] = "; trying again";
	const char *end = strstr(err->msg, before_its_words);
	size_t len = end ? (size_t)(end - err->msg) + strlen(before_its_words) : sizeof(err->msg);

	return strncmp(t->told, err->msg, len) == 0;
}

static void complain(struct trouble *t, const struct err *err)
{
	time_t now = time(NULL);

	t->tries++;
	t->failures++;
	if (stop || (is_told(t, err) && now - t->told_at < SAY_AGAIN_S))
		return;
	strcpy(t->told, err->msg);
	t->told_at = now;
	say(err, 0);
}

static void calm_down(struct trouble *t)
{
	if (t->told[0])
		fprintf(stderr, PROGRAM ": sending again\n");
	t->told[0] = '\0';
	t->tries = 0;
	t->has_worked = true;
}

/* From 0 on, below @most: so that a fleet that was begun at once does not come at once for ever. */
static int64_t below(int64_t most)
{
	uint32_t chance = 0;

	if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
		chance = 0;
	return most > 0 ? chance % most : 0;
}

/* 1 s, 2 s, 4 s ... 60 s, and up to half of it less. */
static int64_t pause_ms(int tries)
{
	int64_t ms = tries < 7 ? (int64_t)FIRST_MS << (tries - 1) : LONGEST_MS;

	if (ms > LONGEST_MS)
		ms = LONGEST_MS;
	return ms - below(ms / 2);
}

/* ---- sending ---- */

/* It is not tried again. */
static void give_up(struct err *err)
{
	static const char promise[] = "; trying again";
	char *at = strstr(err->msg, promise);

	if (at)
		memmove(at, at + strlen(promise), strlen(at + strlen(promise)) + 1);
}

static void tell(struct forward *f, const struct options *o, const struct trouble *t,
		 const struct server *server, bool *warned)
{
	const struct status_metrics m = {forward_state(f), t->tries > 0, t->failures,
					 server_sent_bytes(server)};
	const char *notice = forward_notice(f);
	struct err err;

	if (notice)
		fprintf(stderr, PROGRAM ": %s\n", notice);
	if (!*warned && llabs(m.state->skew_us) > SKEW_WARN_US) {
		*warned = true;
		fprintf(stderr,
			PROGRAM
			": the server's clock is %lld s %s this node's; what happened where first "
			"cannot be told\n",
			llabs(m.state->skew_us / 1000000),
			m.state->skew_us < 0 ? "behind" : "ahead of");
	}
	if (o->metrics && status_write_metrics(o->metrics, &m, &err))
		say(&err, 0);
}

/* What to do after a failure: -1: try again, else exit with it. */
static int after_failure(enum forward_step step, const struct options *o, const struct trouble *t)
{
	if (step == FORWARD_WRONG && (o->once || !t->has_worked))
		return EX_CONFIG;
	if (o->once && t->tries >= ONCE_TRIES)
		return step == FORWARD_LOST ? EXIT_FAILURE : EX_TEMPFAIL;
	return -1;
}

static int send_all(struct forward *f, const struct options *o, const struct server *server)
{
	struct trouble trouble = {0};
	bool warned = false;
	time_t told_at = time(NULL);

	while (!stop) {
		struct err err = {0};
		enum forward_step step = forward_step(f, o->once, &err);
		int status;

		if (o->once && trouble.tries + 1 >= ONCE_TRIES)
			give_up(&err);
		if (step == FORWARD_MORE || step == FORWARD_IDLE)
			calm_down(&trouble);
		else
			complain(&trouble, &err);
		if (step != FORWARD_MORE || time(NULL) - told_at >= TELL_S) {
			tell(f, o, &trouble, server, &warned);
			told_at = time(NULL);
		}
		if (step == FORWARD_IDLE && o->once)
			return EXIT_SUCCESS;
		if (step == FORWARD_IDLE)
			sleep_ms(o->every_ms - below(o->every_ms / 5));
		if (step == FORWARD_MORE || step == FORWARD_IDLE)
			continue;
		status = after_failure(step, o, &trouble);
		if (status >= 0)
			return status;
		sleep_ms(pause_ms(trouble.tries));
	}
	return EXIT_SUCCESS;
}

static int run_send(const struct options *o, struct server *server)
{
	const struct forward_options options = {.db = o->db,
						.state = o->state,
						.node = {o->node_id, o->node_name},
						.is_named = o->is_named,
						.batch = o->batch,
						.every_us = o->every_ms * 1000,
						.server = server};
	struct forward *f = NULL;
	struct err err = {0};
	int status, ret = forward_new(&options, &f, &err);

	if (ret)
		return say(&err, ret == -EWOULDBLOCK ? EX_TEMPFAIL : EXIT_FAILURE);
	status = send_all(f, o, server);
	if (forward_keep(f, &err))
		status = say(&err, EXIT_FAILURE);
	forward_free(f);
	return status;
}

/* ---- other tasks ---- */

static int run_init(const struct options *o, struct server *server)
{
	struct dialect layout = {.cluster = o->cluster,
				 .replicated = o->replicated,
				 .keep_days = o->keep_days,
				 .keep_totals_days = o->keep_totals_days};
	struct err err = {0};
	enum answer answer = init_run(server, &layout, &err);

	if (answer != ANSWER_FINE) {
		give_up(&err);
		return say(&err, answer == ANSWER_WRONG ? EX_CONFIG : EX_TEMPFAIL);
	}
	printf("%s: database '%s' is ready\n", server_url(server), server_database(server));
	return EXIT_SUCCESS;
}

static int run_status(const struct options *o)
{
	const struct source_node nobody = {"", ""};
	struct source *source = NULL;
	struct state state;
	struct err err = {0};
	int64_t waiting = -1, newest_id;
	int status = EXIT_SUCCESS;

	if (state_read(o->state, &state, &err) == -ENOENT)
		err_set(&err, -ENOENT,
			"--state %s: there is none; connmon-forward has not sent from here yet, or "
			"name its file",
			o->state);
	if (err.code)
		return say(&err, EXIT_FAILURE);
	if (source_new(o->db, &nobody, &source, &err) ||
	    source_count(source, state.last_id, &waiting, &newest_id, &err))
		status = say(&err, EXIT_FAILURE);
	source_free(source);
	status_write(&state, waiting, stdout);
	return fflush(stdout) == 0 ? status : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static struct options o; /* its texts live as long as the program */
	struct server *server = NULL;
	struct err err = {0};
	int status;

	options_parse(argc, argv, &o);
	if (o.task == TASK_STATUS)
		return run_status(&o);
	catch_signals();
	if (server_new(o.to, o.ca, &stop, &server, &err))
		return say(&err, EX_USAGE);
	status = o.task == TASK_INIT ? run_init(&o, server) : run_send(&o, server);
	server_free(server);
	return status;
}
