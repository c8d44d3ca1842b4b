#include "status.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PATIENCE_S 120

static int ear = -1;
static char latest[1024];

/* By a path: a name without a file is known in one network namespace only. */
void status_begin(const struct node *n)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	ear = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", n->folder);
	must(ear >= 0 && bind(ear, (struct sockaddr *)&at, sizeof(at)) == 0);
	must(setenv("NOTIFY_SOCKET", at.sun_path, 1) == 0);
	latest[0] = '\0';
}

static bool hear(int ms)
{
	struct pollfd p = {.fd = ear, .events = POLLIN};
	char text[sizeof(latest)], *status;
	ssize_t n;

	if (poll(&p, 1, ms) != 1)
		return false;
	n = recv(ear, text, sizeof(text) - 1, 0);
	must(n >= 0);
	text[n] = '\0';
	status = strstr(text, "STATUS=");
	if (status)
		strcpy(latest, status);
	return true;
}

void status_wait(const char *words)
{
	while (hear(0))
		;
	/* It says how it is every 10 s. */
	for (int i = 0; !strstr(latest, words); i++) {
		if (i >= PATIENCE_S)
			fail_msg("no status \"%s\", but \"%s\"", words, latest);
		hear(1000);
	}
}

void status_end(void)
{
	unsetenv("NOTIFY_SOCKET");
	close(ear);
}
