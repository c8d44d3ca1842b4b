#include "forward.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "forward_parts.h"

#define FACTS_US       (10 * US_PER_S)
#define FACTS_BUSY_US  (60 * US_PER_S)	  /* while connections wait */
#define FACTS_FRESH_US (300 * US_PER_S)	  /* then they are sent even if they are as they were */
#define NODE_US	       (60 * US_PER_S)	  /* at least, between two rows of the node */
#define KNOWN_US       (86400 * US_PER_S) /* then the server is asked what it has of open ones */
#define BAD_TRIES      3
#define MOST_REFUSED   100 /* one after the other: then it is not the rows */
#define GAP_PRUNED     (-1)
#define GAP_REJECTED   (-2)

int64_t forward_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t forward_version_us(struct forward *f)
{
	int64_t now_us = forward_now_us();

	/* Also after the clock was set back. */
	f->state.version_us = now_us > f->state.version_us ? now_us : f->state.version_us + 1;
	return f->state.version_us;
}

void forward_note(struct forward *f, const char *fmt, ...)
{
	char text[sizeof(f->notice)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (strcmp(text, f->notice) != 0) { /* once is enough */
		strcpy(f->notice, text);
		f->has_notice = true;
	}
}

const char *forward_notice(struct forward *f)
{
	if (!f->has_notice)
		return NULL;
	f->has_notice = false;
	return f->notice;
}

const struct state *forward_state(const struct forward *f)
{
	return &f->state;
}

enum forward_step forward_judge(struct forward *f, enum answer answer)
{
	f->is_asked = false;
	return answer == ANSWER_WRONG ? FORWARD_WRONG : FORWARD_LATER;
}

/* ---- begin and end ---- */

static void read_boot_id(struct forward *f)
{
	FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!in || !fgets(f->boot_id, sizeof(f->boot_id), in))
		strcpy(f->boot_id, "unknown");
	f->boot_id[strcspn(f->boot_id, "\n")] = '\0';
	if (in)
		fclose(in);
}

/* The next one is chosen anew. */
static void drop_batch(struct state *s)
{
	s->batch_to = s->batch_tries = s->batch_refusals = 0;
}

/* A file of the same inode may be another one, after the first was deleted: it lacks the run that
 * was the newest, unless retention has been over all that was sent. */
static int is_another_file(struct forward *f, const struct source_facts *facts, bool *is,
			   struct err *err)
{
	const struct state *s = &f->state;
	bool has_run = true;
	int64_t device, inode;
	int ret = 0;

	source_file(f->source, &device, &inode);
	if (s->run_us && facts->pruned_until <= s->last_id)
		ret = source_has_run(f->source, s->run_us, &has_run, err);
	*is = s->inode && (s->inode != inode || s->device != device || !has_run);
	return ret;
}

/* Of another file everything is sent, unless it is a copy: then what was sent last is in it. */
static int follow_file(struct forward *f, struct err *err)
{
	struct state *s = &f->state;
	struct source_facts facts;
	bool has = true, is_another = false;
	int ret = source_ask(f->source, s->last_id, &facts, err);

	if (!ret)
		ret = is_another_file(f, &facts, &is_another, err);
	if (ret)
		return ret;
	if (is_another) {
		has = false;
		if (s->last_id)
			ret = source_has(f->source, s->last_id, &has, err);
		s->gap_id = s->run_id = s->process_id = s->hour = 0;
		s->listeners_us = s->exits_us = s->names_us = 0;
	}
	if (!has) {
		s->last_id = 0;
		drop_batch(s);
	}
	source_file(f->source, &s->device, &s->inode);
	s->run_us = facts.run_us;
	return ret;
}

static int take_state(struct forward *f, struct err *err)
{
	char place[STATE_PLACE_BYTES];
	int ret = state_read(f->o->state, &f->state, err);

	if (ret == -ENOENT)
		state_begin(&f->state);
	else if (ret)
		return ret;
	snprintf(place, sizeof(place), "%.180s %.70s", server_url(f->server),
		 server_database(f->server));
	f->is_fresh = ret == -ENOENT || strcmp(place, f->state.place) != 0 ||
		      strcmp(f->o->node.id, f->state.node_id) != 0;
	if (f->is_fresh && ret != -ENOENT)
		state_begin(&f->state); /* of another server or node */
	f->began_us = f->state.version_us;
	strcpy(f->state.place, place);
	snprintf(f->state.node_id, sizeof(f->state.node_id), "%s", f->o->node.id);
	return follow_file(f, err);
}

int forward_new(const struct forward_options *o, struct forward **out, struct err *err)
{
	struct forward *f = calloc(1, sizeof(*f));
	int ret = f ? 0 : err_set(err, -ENOMEM, "no memory to begin");

	if (ret)
		return ret;
	f->o = o;
	f->server = o->server;
	f->limit = o->batch;
	read_boot_id(f);
	f->lock = state_lock(o->state, err);
	ret = f->lock < 0 ? f->lock : source_new(o->db, &o->node, &f->source, err);
	if (!ret)
		ret = opened_new(&f->opened, err);
	for (struct body **b = &f->batch; !ret && b <= &f->next_batch; b++)
		ret = body_new(b, err);
	if (!ret)
		ret = take_state(f, err);
	if (ret) {
		forward_free(f);
		return ret;
	}
	*out = f;
	return 0;
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	if (f->lock >= 0)
		close(f->lock);
	source_free(f->source);
	opened_free(f->opened);
	body_free(f->batch);
	body_free(f->open);
	body_free(f->over);
	body_free(f->other);
	body_free(f->next_batch);
	free(f);
}

int forward_keep(struct forward *f, struct err *err)
{
	if (f->is_fresh) /* else the next one would not ask the server how far this node is */
		return 0;
	return state_write(f->o->state, &f->state, err);
}

/* ---- another file ---- */

/* The file has another one's place, and all of it is sent, or it is damaged. */
static enum forward_step go_on_with_new(struct forward *f, struct err *err)
{
	struct source *next = NULL;

	if (source_new(f->o->db, &f->o->node, &next, err))
		return FORWARD_LOST;
	source_free(f->source);
	f->source = next;
	f->is_ahead = false;
	f->counted_id = 0;
	forward_note(f, "%s: was replaced by a new one, whose connections are sent from now on",
		     f->o->db);
	if (follow_file(f, err) || forward_keep(f, err))
		return FORWARD_LOST;
	return FORWARD_MORE;
}

/* ---- what was deleted before it was sent ---- */

static enum forward_step tell_pruned(struct forward *f, struct err *err)
{
	const int64_t from_us = f->state.last_id + 1, to_us = f->facts.pruned_until - 1;
	enum answer answer;

	if (f->state.last_id == 0 || to_us < from_us)
		return FORWARD_IDLE;
	answer = forward_send_gap(f, GAP_PRUNED, "pruned", from_us, to_us, -1, err);
	if (answer != ANSWER_FINE)
		return forward_judge(f, answer);
	f->state.unsent_rows += f->facts.pruned_rows > 0 ? f->facts.pruned_rows : 1;
	f->state.last_id = to_us;
	f->counted_id = 0;
	if (f->state.batch_to <= to_us)
		drop_batch(&f->state);
	forward_note(f, "connections were deleted on this node before they were sent; see "
			"--hold-for of connmon-collect");
	return FORWARD_IDLE;
}

/* ---- a batch ---- */

/* So many of those that wait do so no longer. */
static void count_off(struct forward *f, int64_t rows)
{
	f->state.behind_rows -= rows < f->state.behind_rows ? rows : f->state.behind_rows;
}

static void account(struct forward *f, const struct source_batch *batch)
{
	count_off(f, body_rows(f->batch));
	f->state.rows_sent += body_rows(f->batch);
	if (f->state.batch_tries > 1)
		f->state.rows_resent += body_rows(f->batch);
	f->state.last_id = batch->last_id;
	drop_batch(&f->state);
	f->state.sent_us = forward_now_us();
	f->state.refused = 0;
	f->limit = f->limit > f->o->batch / 2 ? f->o->batch : f->limit * 2;
}

/* The server can read all but some row of the batch: halves of it are tried until that is found. */
static enum forward_step narrow_down(struct forward *f, const struct source_batch *batch,
				     struct err *err)
{
	const int64_t rows = body_rows(f->batch);
	enum answer answer;
	struct err why = *err;

	if (rows > 1) {
		f->limit = rows / 2;
		drop_batch(&f->state);
		return FORWARD_MORE;
	}
	if (++f->state.batch_refusals < BAD_TRIES)
		return FORWARD_LATER;
	if (f->state.refused >= MOST_REFUSED) {
		err_wrap(err, "one row after the other is refused, so it is not the rows");
		return FORWARD_WRONG;
	}
	if (forward_set_aside(f, f->batch, err))
		return FORWARD_LOST;
	answer = forward_send_gap(f, GAP_REJECTED, "rejected", batch->last_id, batch->last_id, 1,
				  err);
	if (answer != ANSWER_FINE)
		return forward_judge(f, answer);
	forward_note(f, "a connection is set aside in %s.bad.gz: %s", f->o->state, why.msg);
	count_off(f, 1);
	f->state.refused++;
	f->state.bad_rows++;
	f->state.last_id = batch->last_id;
	drop_batch(&f->state);
	return forward_keep(f, err) ? FORWARD_LOST : FORWARD_MORE;
}

static enum forward_step send_open(struct forward *f, const struct moment *m, struct err *err)
{
	enum answer answer = forward_send(f, m->insert_over, NULL, f->over, err);

	if (answer == ANSWER_FINE) {
		answer = forward_send(f, m->insert_open, NULL, f->open, err);
		if (answer == ANSWER_LATER && opened_unsure(f->opened))
			f->is_known = false; /* no memory for it: the server is asked again */
	}
	if (answer == ANSWER_BAD_ROW) {
		forward_note(f, "open connections are left out: %s", err->msg);
		answer = ANSWER_FINE;
	}
	if (answer != ANSWER_FINE)
		return forward_judge(f, answer);
	opened_sent(f->opened);
	return FORWARD_IDLE;
}

static enum forward_step send_rows(struct forward *f, const struct moment *m, struct err *err)
{
	const struct source_batch *batch = &m->batch;
	char token[120];
	struct ahead ahead;
	enum answer answer;

	f->state.batch_to = batch->last_id;
	f->state.batch_tries++;
	forward_begin_ahead(f, m, &ahead);
	if (forward_keep(f, err)) {
		forward_join_ahead(&ahead, false);
		return FORWARD_LOST;
	}
	snprintf(token, sizeof(token), "%s %" PRId64 " %" PRId64, f->o->node.id, batch->after_id,
		 batch->last_id);
	answer = forward_send(f, batch->insert, token, f->batch, err);
	forward_join_ahead(&ahead, answer == ANSWER_FINE);
	if (answer == ANSWER_BAD_ROW)
		return narrow_down(f, batch, err);
	if (answer != ANSWER_FINE)
		return forward_judge(f, answer);
	account(f, batch);
	return batch->is_last ? FORWARD_IDLE : FORWARD_MORE;
}

static enum forward_step send_moment(struct forward *f, const struct moment *m, struct err *err)
{
	const int64_t before = f->state.last_id;
	enum forward_step step;

	f->facts = m->facts;
	f->state.run_us = m->facts.run_us;
	step = tell_pruned(f, err);
	if (step != FORWARD_IDLE || f->state.last_id != before)
		return step == FORWARD_IDLE ? FORWARD_MORE : step;
	step = send_open(f, m, err);
	if (step != FORWARD_IDLE)
		return step;
	if (m->batch.last_id == 0 && m->batch.up_to) { /* it was deleted meanwhile */
		f->state.last_id = m->batch.up_to;
		f->counted_id = 0;
		drop_batch(&f->state);
		return FORWARD_MORE;
	}
	/* Who asks a fleet takes totals for rows of every node but those that it knows not to have
	 * sent theirs: so the node is known before its rows are. */
	if (m->batch.last_id && before == 0 && f->node_at_us == 0)
		step = forward_send_node(f, err);
	if (m->batch.last_id && step == FORWARD_IDLE)
		step = send_rows(f, m, err);
	if (step == FORWARD_IDLE)
		f->through_us = f->facts.commit_us;
	else if (step == FORWARD_MORE)
		f->through_us = f->state.last_id;
	return step;
}

static enum forward_step send_batch(struct forward *f, struct err *err)
{
	struct moment m;

	if (forward_take_ahead(f, &m))
		return send_moment(f, &m, err);
	m = (struct moment){
		.batch = {.after_id = f->state.last_id,
			  .up_to = f->state.batch_to,
			  .most = f->limit},
		.version_us = forward_version_us(f),
	};
	if (forward_read_moment(f, &m, f->batch, err))
		return source_is_replaced(f->source) ? go_on_with_new(f, err) : FORWARD_LOST;
	return send_moment(f, &m, err);
}

/* ---- a step ---- */

/* To count all that waits takes a second for some millions, so they are counted once, and then only
 * those that have come since. */
static int look_how_far(struct forward *f, struct err *err)
{
	const bool was_counted = f->counted_id > f->state.last_id;
	int64_t rows;
	int ret;

	if (!was_counted)
		f->counted_id = f->state.last_id;
	ret = source_count(f->source, f->counted_id, &rows, &f->counted_id, err);
	if (ret)
		return ret;
	f->state.behind_rows = rows + (was_counted ? f->state.behind_rows : 0);
	f->state.behind_us = f->state.behind_rows && f->state.last_id
				     ? f->facts.newest_id - f->state.last_id
				     : 0;
	return 0;
}

/* With a hundred thousand nodes, each INSERT and each question counts that every one makes. */
int64_t forward_node_every_us(const struct forward *f)
{
	return f->o->every_us > NODE_US ? f->o->every_us : NODE_US;
}

static enum forward_step send_rest(struct forward *f, bool all, bool is_idle, struct err *err)
{
	const int64_t now_us = forward_now_us();
	const bool is_fresh = now_us - f->fresh_at_us >= FACTS_FRESH_US;
	enum forward_step step = FORWARD_IDLE;

	if (now_us - f->facts_at_us >= (is_idle ? FACTS_US : FACTS_BUSY_US) || (all && is_idle)) {
		step = forward_send_facts(f, is_fresh, err);
		if (step != FORWARD_IDLE)
			return step;
		f->facts_at_us = now_us;
		f->fresh_at_us = is_fresh ? now_us : f->fresh_at_us;
	}
	if (now_us - f->twice_at_us >= forward_node_every_us(f)) {
		step = forward_look_for_twin(f, err);
		f->twice_at_us = now_us;
	}
	if (now_us - f->known_at_us >= KNOWN_US)
		f->is_known = f->is_asked = false;
	if (step != FORWARD_IDLE ||
	    (now_us - f->node_at_us < forward_node_every_us(f) && !(all && is_idle)))
		return step;
	if (look_how_far(f, err))
		return FORWARD_LOST;
	step = forward_send_node(f, err);
	if (step == FORWARD_IDLE && forward_keep(f, err))
		return FORWARD_LOST;
	f->node_at_us = now_us;
	return step;
}

enum forward_step forward_step(struct forward *f, bool all, struct err *err)
{
	enum forward_step step = f->is_asked ? FORWARD_IDLE : forward_greet(f, err), rest;
	const int64_t rows = f->state.rows_sent;
	bool is_idle;

	if (step != FORWARD_IDLE)
		return step;
	step = send_batch(f, err);
	if (step != FORWARD_IDLE && step != FORWARD_MORE)
		return step;
	is_idle = step == FORWARD_IDLE;
	/* --status and the collector's --hold-for read it. */
	if (is_idle && f->state.rows_sent != rows && forward_keep(f, err))
		return FORWARD_LOST;
	rest = send_rest(f, all, is_idle, err);
	if (rest != FORWARD_IDLE)
		return rest;
	if (is_idle && source_is_replaced(f->source))
		return go_on_with_new(f, err);
	return step;
}
