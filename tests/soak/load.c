/*
 * load - an even stream of connections over loopback, until SIGTERM, for the soak.
 *
 *   load RATE      connections per second, in the network namespace of the caller
 *
 * A process "soak-client" connects, says 16 bytes, hears 32 and closes; two of them share the rate
 * and are followed by new ones each second. Every hundredth attempt goes to where nobody listens.
 * "soak-holder" has 200 connections open, each for ten seconds, so that some live through every
 * restart of a collector. "soak-server" is the other end. Each second a line, and one at the end,
 * say what was made so far: connections that were accepted, and attempts that were refused.
 *
 *   made=5000 refused=50
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>

#include "parts.h"

#define CLIENTS	     2
#define SLOTS	     100 /* of a second */
#define NS_PER_SLOT  (1000000000L / SLOTS)
#define REFUSED_EACH 100
#define REQUEST	     16
#define REPLY	     32
#define HELD	     200
#define HELD_SLOTS   5 /* so often one of them is replaced: each lives for 200 * 5 slots */
#define MAX_EVENTS   64
#define ADDRESSES    60 /* so many times 60,000 ports, for TIME_WAIT keeps one for a minute */

/* Shared by all; all zero at first. */
struct truth {
	_Atomic long made, refused;
};

static struct truth *truth;
static long rate;
static volatile sig_atomic_t ended;

static void on_term(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

static long now_ns(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void sleep_until(long ns)
{
	struct timespec t = {ns / 1000000000L, ns % 1000000000L};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int connect_and_talk(long nth)
{
	char addr[32];
	int fd;

	snprintf(addr, sizeof(addr), "127.0.0.%ld", 1 + nth % ADDRESSES);
	fd = dial(addr, SERVER_PORT);
	send_bytes(fd, REQUEST);
	receive_bytes(fd, REPLY);
	truth->made++;
	return fd;
}

static void be_refused(void)
{
	int fd = open_socket("127.0.0.1");

	must(try_connect(fd, "127.0.0.1", 1) == ECONNREFUSED);
	close(fd);
	truth->refused++;
}

/* A second's share. What a busy machine has no time for is not made up for. */
static void part_client_of_a_second(struct scene *s)
{
	long begin_ns = now_ns(), end_ns = begin_ns + SLOTS * NS_PER_SLOT;
	long share = rate / CLIENTS, nth = 0;

	(void)s;
	for (int slot = 0; slot < SLOTS && now_ns() < end_ns; slot++) {
		for (; nth < share * (slot + 1) / SLOTS && now_ns() < end_ns; nth++)
			if (nth % REFUSED_EACH == 0)
				be_refused();
			else
				close(connect_and_talk(nth));
		sleep_until(begin_ns + (slot + 1) * NS_PER_SLOT);
	}
}

static void part_holder(struct scene *s)
{
	int held[HELD];
	long next_ns = now_ns();

	(void)s;
	alarm(0);
	for (int i = 0; i < HELD; i++)
		held[i] = -1;
	for (long i = 0; !ended; i = (i + 1) % HELD) {
		if (held[i] >= 0)
			close(held[i]);
		held[i] = connect_and_talk(i);
		next_ns += HELD_SLOTS * NS_PER_SLOT;
		sleep_until(next_ns);
	}
}

/* What came on a connection: a request, or its end. */
static void serve(int fd)
{
	char request[REQUEST];
	ssize_t n = recv(fd, request, sizeof(request), MSG_WAITALL);

	if (n == (ssize_t)sizeof(request))
		send_bytes(fd, REPLY);
	else
		close(fd);
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void part_lasting_server(struct scene *s)
{
	int listener = listen_at("0.0.0.0", SERVER_PORT), epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[MAX_EVENTS];

	alarm(0);
	watch(epoll, listener);
	cue_give(s, CUE_LISTENING);
	for (;;) {
		int n = epoll_wait(epoll, events, MAX_EVENTS, -1);

		must(n >= 0 || errno == EINTR);
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listener)
				watch(epoll, accept_one(listener));
			else
				serve(events[i].data.fd);
	}
}

static void tell(void)
{
	printf("made=%ld refused=%ld\n", truth->made, truth->refused);
	must(fflush(stdout) == 0);
}

int main(int argc, char **argv)
{
	struct sigaction term = {.sa_handler = on_term, .sa_flags = SA_RESTART};
	struct scene *s = scene_new("0.0.0.0");
	pid_t clients[CLIENTS], server, holder;

	rate = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	if (rate < SLOTS || rate > 1000000) {
		fprintf(stderr, "usage: load RATE      (from %d to 1000000 per second)\n", SLOTS);
		return 2;
	}
	truth = mmap(NULL, sizeof(*truth), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	must(truth != MAP_FAILED);
	port_range(5000, 65535);
	signal(SIGINT, SIG_IGN); /* of a terminal: who started this ends it, and then asks */
	must(sigaction(SIGTERM, &term, NULL) == 0);
	server = actor_start("soak-server", part_lasting_server, s);
	cue_wait(s, CUE_LISTENING);
	holder = actor_start("soak-holder", part_holder, s);
	while (!ended) {
		for (int i = 0; i < CLIENTS; i++)
			clients[i] = actor_start("soak-client", part_client_of_a_second, s);
		for (int i = 0; i < CLIENTS; i++)
			actor_wait(clients[i]);
		tell();
	}
	must(kill(holder, SIGTERM) == 0);
	actor_wait(holder);
	sleep_until(now_ns() + 20 * NS_PER_SLOT); /* the server's ends of the last ones */
	actor_kill(server);
	tell();
	return 0;
}
