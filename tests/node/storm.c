/*
 * storm - makes connections as fast as it can, for a test that counts them and for
 * the benchmark. In a network namespace of its own, or in the caller's with --here.
 *
 *   storm [--here] CONNECTIONS [REQUEST_BYTES REPLY_BYTES]     (1 and 1 when not given)
 *
 * A process "storm-client" connects over loopback to a process "storm-server"; the
 * client closes first. With a reply of no bytes it does not wait for the server and
 * overruns the accept queue, which costs seconds of retransmits. At the end one line says what was
 * true:
 *
 *   netns=4026532300 server=812 client=813 port=4711 connections=20000 seconds=0.731 cpu=1.402
 *
 * (cpu: seconds of processor time that both took.)
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "parts.h"

/* TIME_WAIT keeps a local port for a minute: each connection needs its own. */
#define MAX_CONNECTIONS 60000

static long number(const char *text, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || end == text || n < 0 || n > max) {
		fprintf(stderr, "storm: %s: not a number from 0 to %ld\n", text, max);
		exit(2);
	}
	return n;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double children_cpu_s(void)
{
	struct rusage used;

	must(getrusage(RUSAGE_CHILDREN, &used) == 0);
	return used.ru_utime.tv_sec + used.ru_utime.tv_usec / 1e6 + used.ru_stime.tv_sec +
	       used.ru_stime.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	bool here = argc > 1 && !strcmp(argv[1], "--here");
	pid_t server, client;
	struct scene *s;
	double start_s;
	ino_t netns;

	argc -= here;
	argv += here;
	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: storm [--here] CONNECTIONS [REQUEST_BYTES REPLY_BYTES]\n");
		return 2;
	}
	s = scene_new("127.0.0.1");
	s->n_connections = number(argv[1], MAX_CONNECTIONS);
	s->request = argc == 4 ? number(argv[2], 1 << 20) : 1;
	s->reply = argc == 4 ? number(argv[3], 1 << 20) : 1;

	netns = stage_number(here ? stage_here() : stage_new());
	port_range(5000, 65535);
	start_s = now_s();
	server = actor_start("storm-server", part_servers, s);
	client = actor_start("storm-client", part_clients, s);
	actor_wait(client);
	actor_wait(server);
	printf("netns=%lu server=%d client=%d port=%d connections=%ld seconds=%.3f cpu=%.3f\n",
	       (unsigned long)netns, server, client, SERVER_PORT, s->n_connections,
	       now_s() - start_s, children_cpu_s());
	return fflush(stdout) ? 1 : 0;
}
