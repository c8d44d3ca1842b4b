#include "load.h"

#include <poll.h>
#include <sys/mman.h>

#include "sockets.h"

#define LOAD_PORT  4713 /* of nobody else: CONNMON_NODE_OPTIONS may leave out others' */
#define BURST	   20
#define PAUSE_US   4000
#define LAST_US	   20000
#define N_ADDRS	   200 /* each has a minute's worth of ports of its own */
#define PATIENCE_S 120

struct load {
	struct scene *scene;
	pid_t server, client;
	long made;
	bool stop, over;
};

/* Actors find it here: they are forked after it is there. */
static struct load *load;

static bool is_waited_for(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	return poll(&p, 1, LAST_US / 1000) == 1;
}

static void serve(int listener)
{
	int fd = accept_one(listener);

	receive_bytes(fd, 1);
	send_bytes(fd, 1);
	wait_for_end(fd);
	close(fd);
}

static void part_load_server(struct scene *s)
{
	int listener = listen_at("0.0.0.0", s->port);

	alarm(0);
	cue_give(s, CUE_LISTENING);
	for (bool waits = true; waits || !__atomic_load_n(&load->over, __ATOMIC_ACQUIRE);) {
		waits = is_waited_for(listener);
		if (waits)
			serve(listener);
	}
}

static void call(const struct scene *s, long i)
{
	char addr[16];
	int fd;

	snprintf(addr, sizeof(addr), "127.0.1.%ld", 1 + i % N_ADDRS);
	fd = dial(addr, s->port);
	send_bytes(fd, 1);
	receive_bytes(fd, 1);
	close(fd);
}

static void part_load_client(struct scene *s)
{
	alarm(0);
	cue_wait(s, CUE_LISTENING);
	for (long i = 0; !__atomic_load_n(&load->stop, __ATOMIC_ACQUIRE);) {
		for (int k = 0; k < BURST; k++)
			call(s, i++);
		__atomic_store_n(&load->made, i, __ATOMIC_RELEASE);
		usleep(PAUSE_US);
	}
}

struct load *load_begin(void)
{
	load = mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(load != MAP_FAILED);
	port_range(5000, 65535);
	load->scene = scene_new("127.0.0.1");
	load->scene->port = LOAD_PORT;
	load->server = actor_start("load-server", part_load_server, load->scene);
	load->client = actor_start("load-client", part_load_client, load->scene);
	return load;
}

long load_made(const struct load *l)
{
	return __atomic_load_n(&l->made, __ATOMIC_ACQUIRE);
}

void load_wait(const struct load *l, long more)
{
	long until = load_made(l) + more;

	for (int i = 0; i < PATIENCE_S * 100 && load_made(l) < until; i++)
		usleep(10000);
	must(load_made(l) >= until);
}

long load_end(struct load *l)
{
	long made;

	__atomic_store_n(&l->stop, true, __ATOMIC_RELEASE);
	actor_wait(l->client);
	__atomic_store_n(&l->over, true, __ATOMIC_RELEASE);
	actor_wait(l->server);
	wait_for_ends();
	made = load_made(l);
	scene_free(l->scene);
	munmap(l, sizeof(*l));
	return made;
}
