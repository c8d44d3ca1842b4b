/* Reads from the database: while the server takes one batch, a thread reads the next, so that
 * neither waits for the other. A batch that is not taken is chosen anew, and what was read ahead
 * forgotten. */
#include "forward_parts.h"

int forward_read_moment(struct forward *f, struct moment *m, struct body *batch, struct err *err)
{
	int ret = source_begin(f->source, err);
	struct err ignored;

	body_clear(batch);
	body_clear(f->open);
	body_clear(f->over);
	if (ret)
		return ret;
	ret = source_ask(f->source, m->batch.after_id, &m->facts, err);
	if (!ret)
		ret = opened_read(f->opened, f->source, m->version_us, OPEN_US, f->open,
				  m->insert_open, f->over, m->insert_over, err);
	if (!ret)
		ret = source_read_batch(f->source, &m->batch, batch, err);
	source_end(f->source, ret ? &ignored : err);
	return ret;
}

static void *run(void *ctx)
{
	struct ahead *a = ctx;
	struct err ignored; /* without a thread it is met again, and told */

	a->ret = forward_read_moment(a->f, &a->f->next, a->f->next_batch, &ignored);
	return NULL;
}

void forward_begin_ahead(struct forward *f, const struct moment *sent, struct ahead *a)
{
	*a = (struct ahead){.f = f};
	f->is_ahead = false;
	if (sent->batch.is_last || sent->batch.up_to)
		return;
	f->next = (struct moment){
		.batch = {.after_id = sent->batch.last_id, .most = f->limit},
		.version_us = forward_version_us(f),
	};
	a->is_running = pthread_create(&a->thread, NULL, run, a) == 0;
}

void forward_join_ahead(struct ahead *a, bool was_sent)
{
	if (!a->is_running)
		return;
	pthread_join(a->thread, NULL);
	a->is_running = false;
	a->f->is_ahead = was_sent && a->ret == 0;
}

bool forward_take_ahead(struct forward *f, struct moment *m)
{
	struct body *sent = f->batch;

	if (!f->is_ahead || f->state.batch_to || f->next.batch.after_id != f->state.last_id)
		return false;
	f->is_ahead = false;
	*m = f->next;
	f->batch = f->next_batch;
	f->next_batch = sent;
	return true;
}
