#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "story.h"

static int answer(struct story *s, bool *has_gaps, struct err *err)
{
	int ret = story_ask(s, err);

	if (!ret)
		ret = story_write(s, stdout, err);
	if (!ret)
		ret = command_flush(err);
	return ret ? ret : command_delivered(s->q, NULL, &s->coverage, has_gaps, err);
}

int command_story(struct request *q, bool *has_gaps, struct err *err)
{
	struct story *s;
	int ret;

	if (isatty(STDOUT_FILENO))
		return err_set(
			err, -EINVAL,
			"a page is for a browser, not for a terminal: write connmon-query story"
			" > story.html, and open that file");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "no memory for the story");
	s->q = q;
	ret = answer(s, has_gaps, err);
	story_release(s);
	free(s);
	return ret;
}
