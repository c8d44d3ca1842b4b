#include <errno.h>
#include <string.h>

#include "command.h"
#include "completion.h"
#include "suggest.h"

const char *const command_shells[] = {"bash", "zsh", "fish", NULL};

int command_completion_check(const struct request *q, struct err *err)
{
	struct suggestion s = {.word = q->options.operands[1]};

	for (int i = 0; command_shells[i]; i++) {
		if (!strcmp(command_shells[i], s.word))
			return 0;
		suggest_try(&s, command_shells[i]);
	}
	return suggest_error(&s, err, "shell", "it is bash, zsh or fish");
}

int command_completion(const struct request *q, struct err *err)
{
	switch (q->statement[0]) {
	case 'b':
		completion_bash(stdout, q);
		break;
	case 'z':
		completion_zsh(stdout, q);
		break;
	case 'f':
		completion_fish(stdout, q);
		break;
	}
	return command_flush(err);
}
