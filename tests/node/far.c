#include "far.h"

#include "parts.h"

void far_come_up(struct scene *s)
{
	stage_enter(s->stage);
	cue_wait(s, CUE_GO);
	link_far();
}

void part_far_server(struct scene *s)
{
	far_come_up(s);
	part_server(s);
}

pid_t far_start(struct node *n, struct scene *s, void (*server)(struct scene *), struct ends *ends)
{
	const struct stage *stage = node_spare_stage(n);
	pid_t pid;

	ends->far = stage->netns;
	ends->near = node_stage(n);
	s->stage = stage->fd;
	pid = actor_start("server", server, s);
	link_near(stage->fd);
	cue_give(s, CUE_GO);
	return pid;
}

void assert_ends(struct node *n, struct scene *s, struct ends ends, struct row out, struct row in)
{
	out.local_addr = in.peer_addr = NEAR;
	assert_rows(n, ends.near, &out, 1);
	assert_rows(n, ends.far, &in, 1);
	scene_free(s);
}
