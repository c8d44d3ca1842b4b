#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

static pid_t start(const char *const argv[], int out_fd, int err_fd, uid_t uid)
{
	pid_t pid = fork();

	must(pid >= 0);
	if (pid)
		return pid;
	must(dup2(out_fd, STDOUT_FILENO) >= 0);
	must(dup2(err_fd, STDERR_FILENO) >= 0);
	if (uid) {
		must(setgroups(0, NULL) == 0);
		must(setresgid(uid, uid, uid) == 0);
		must(setresuid(uid, uid, uid) == 0);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user forgets it: hence after that */
	must(execvp(argv[0], (char *const *)argv) == 0);
	return 0;
}

pid_t program_start(const char *const argv[], const char *out_path, const char *err_path)
{
	int out_fd = open(out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int err_fd = open(err_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	pid_t pid;

	must(out_fd >= 0 && err_fd >= 0);
	pid = start(argv, out_fd, err_fd, 0);
	close(out_fd);
	close(err_fd);
	return pid;
}

int program_wait(pid_t pid, int seconds)
{
	int status, i;

	for (i = 0; i < seconds * 100; i++) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		must(got >= 0);
		if (got == pid)
			break;
		usleep(10000);
	}
	if (i == seconds * 100) {
		must(kill(pid, SIGKILL) == 0);
		must(waitpid(pid, &status, 0) == pid);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void read_all(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t got;

	must(lseek(fd, 0, SEEK_SET) == 0);
	while ((got = read(fd, buf + used, size - 1 - used)) > 0)
		used += got;
	must(got == 0);
	buf[used] = '\0';
	close(fd);
}

struct finished program_run(const char *const argv[], uid_t uid)
{
	struct finished f;
	int out_fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	int err_fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	must(out_fd >= 0 && err_fd >= 0);
	f.code = program_wait(start(argv, out_fd, err_fd, uid), 100);
	read_all(out_fd, f.out, sizeof(f.out));
	read_all(err_fd, f.err, sizeof(f.err));
	return f;
}

char *file_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	must(f);
	/* Delimited by a byte that the text does not hold: the whole file. */
	if (getdelim(&text, &size, '\0', f) < 0) {
		free(text);
		text = strdup("");
		must(text);
	}
	fclose(f);
	return text;
}
