#include "fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/tcp.h>

#include "clock.h"
#include "history.h"
#include "lasting.h"
#include "netns.h"

#define NETNS	  4026531840U
#define ENDED	  8	  /* connections that begin and end in a phase */
#define FIRST_PID 5000000 /* nobody has it: /proc shows none above 4 million */
#define PATH_OF_CGROUP                                                                             \
	"/system.slice/docker-"                                                                    \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"

static struct fake_kernel of_this_process;
struct fake_kernel *fake_kernel = &of_this_process;

int64_t clock_boot_ns(void)
{
	return fake.now_ns += NS_PER_US;
}

int64_t clock_offset_ns(void)
{
	return fake.offset_ns;
}

int netns_each(int (*each)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	return each(ctx, err);
}

int probe_new(const struct probe_config *config, probe_sink sink, void *ctx, struct probe **out,
	      struct err *err)
{
	(void)config, (void)err;
	fake.sink = sink;
	fake.ctx = ctx;
	*out = (struct probe *)&fake;
	if (fake.lasts) {
		lasting_open();
		return 0;
	}
	fake.counters = (struct probe_counters){0};
	fake.n_waiting = 0;
	return 0;
}

void probe_free(struct probe *p)
{
	(void)p;
}

int probe_fd(const struct probe *p)
{
	(void)p;
	return -1;
}

int probe_read(struct probe *p)
{
	size_t n = 0;
	int ret = 0;

	(void)p;
	if (fake.lasts)
		return lasting_read();
	while (n + fake.n_kept < fake.n_waiting && !ret) {
		const struct waiting *w = &fake.ring[n++];

		ret = fake.sink(fake.ctx, w, w->header.size);
	}
	fake.n_waiting -= n;
	memmove(fake.ring, fake.ring + n, fake.n_waiting * sizeof(fake.ring[0]));
	if (!ret && fake.busy && fake.busy())
		return -EAGAIN;
	return ret ? ret : (int)n;
}

/* What is on its way arrives. */
void probe_stop(struct probe *p)
{
	(void)p;
	fake.n_kept = 0;
	fake.busy = NULL;
}

int probe_scan_processes(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p, (void)sink, (void)ctx, (void)err;
	return 0;
}

int probe_counters(const struct probe *p, struct probe_counters *out, struct err *err)
{
	(void)p, (void)err;
	*out = fake.counters;
	return 0;
}

static struct event_owner owner_of(unsigned int id)
{
	return (struct event_owner){.start_boot_ns = NS_PER_S + id % 3,
				    .cgroup_id = 4000 + id % 2,
				    .pid = FIRST_PID + id % 3,
				    .uid = 1000,
				    .exec_id = 1,
				    .comm = "curl",
				    .thread = "worker"};
}

/* What is told of connection @id, as of now. */
static struct event_end told(unsigned int id, enum event_type type)
{
	return (struct event_end){
		.connection = {.header = {.time_boot_ns = (uint64_t)fake.now_ns,
					  .size = sizeof(struct event_end),
					  .type = (uint8_t)type},
			       .id = (uint64_t)fake.ids[id].start_ns,
			       .cookie = id,
			       .cgroup_id = 4000 + id % 2,
			       .start_boot_ns = (uint64_t)fake.ids[id].start_ns,
			       .established_boot_ns = (uint64_t)fake.ids[id].start_ns + 1000,
			       .local_addr = {10, 0, 0, (uint8_t)(1 + id % 2)},
			       .peer_addr = {10, 1, (uint8_t)(id >> 8), (uint8_t)id},
			       .netns = NETNS,
			       .local_port = (uint16_t)(30000 + id),
			       .peer_port = 443,
			       .family = 4,
			       .owner_source = OWNER_CONNECT,
			       .owner = owner_of(id)},
		.closer = owner_of(id),
		.tx_bytes = id,
		.rx_bytes = (uint64_t)fake.now_ns / NS_PER_S,
		.min_rtt_us = 7,
		.old_state = TCP_LAST_ACK,
	};
}

static struct event_listen listening(unsigned int number)
{
	return (struct event_listen){.header = {.time_boot_ns = (uint64_t)clock_boot_ns(),
						.size = sizeof(struct event_listen),
						.type = EVENT_LISTEN},
				     .cookie = 9000 + number,
				     .netns = NETNS,
				     .port = (uint16_t)(8000 + number),
				     .family = 4,
				     .up = 1,
				     .owner = owner_of(number)};
}

static void tell(const void *record)
{
	const struct event_header *h = record;

	if (fake.lasts) {
		lasting_tell(record);
		return;
	}
	assert_true(fake.n_waiting < FAKE_WAITING);
	memcpy(&fake.ring[fake.n_waiting++], record, h->size);
	fake.counters.seen[h->type]++;
}

static int tell_open(struct event_end e, uint8_t flags, probe_sink sink, void *ctx)
{
	e.connection.header.type = EVENT_OPEN;
	e.connection.header.size = sizeof(e.connection);
	e.connection.flags = flags;
	return sink(ctx, &e.connection, sizeof(e.connection));
}

/* Programs that last have met each from its begin on: there is none that they do not follow. */
static int scan(probe_sink sink, void *ctx, struct err *err)
{
	if (fake.lasts)
		return 0;
	for (unsigned int id = 1; id <= fake.n_ids; id++) {
		int ret = fake.ids[id].open
				  ? tell_open(told(id, EVENT_OPEN), EVENT_PREEXISTING, sink, ctx)
				  : 0;

		if (ret)
			return err_set(err, ret, "looking for connections: %s", strerror(-ret));
	}
	return 0;
}

int probe_scan_files(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p;
	for (unsigned int i = 1; i <= fake.n_listeners; i++) {
		struct event_listen e = listening(i);
		int ret = sink(ctx, &e, sizeof(e));

		if (ret)
			return err_set(err, ret, "looking for listeners: %s", strerror(-ret));
	}
	return scan(sink, ctx, err);
}

int probe_scan_namespace(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p;
	return scan(sink, ctx, err);
}

int probe_review(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	(void)p;
	for (unsigned int id = 1; id <= fake.n_ids; id++) {
		struct event_end e = told(id, EVENT_PROGRESS);
		int ret;

		if (!fake.ids[id].open)
			continue;
		e.old_state = TCP_ESTABLISHED;
		ret = sink(ctx, &e, sizeof(e));
		if (ret)
			return err_set(err, ret, "looking at connections: %s", strerror(-ret));
	}
	return 0;
}

/* ---- what happens ---- */

static unsigned int connection_opens(void)
{
	unsigned int id = ++fake.n_ids;
	struct event_end e;

	assert_true(id < FAKE_IDS);
	fake.ids[id].start_ns = clock_boot_ns();
	fake.ids[id].open = true;
	e = told(id, EVENT_OPEN);
	e.connection.header.size = sizeof(e.connection);
	tell(&e);
	return id;
}

static void connection_ends(unsigned int id)
{
	struct event_end e;

	clock_boot_ns();
	e = told(id, EVENT_END);
	tell(&e);
	fake.ids[id].open = false;
	fake.ids[id].over = true;
	fake.ids[id].end_ns = fake.now_ns;
	fake.ids[id].end_us = clock_wall_us(fake.now_ns, fake.offset_ns);
}

static void socket_listens(void)
{
	struct event_listen e = listening(++fake.n_listeners);

	tell(&e);
}

static void process_runs(unsigned int phase)
{
	static const char path[] = "curl\0bin\0usr";
	struct event_exec e = {.header = {.time_boot_ns = (uint64_t)clock_boot_ns(),
					  .size = offsetof(struct event_exec, args),
					  .type = EVENT_EXEC},
			       .owner = owner_of(phase),
			       .path_len = sizeof(path)};

	memcpy(e.path, path, sizeof(path));
	tell(&e);
}

static void process_ends(unsigned int phase)
{
	struct event_owner who = owner_of(phase);
	struct event_exit e = {.header = {.time_boot_ns = (uint64_t)clock_boot_ns(),
					  .size = sizeof(e),
					  .type = EVENT_EXIT},
			       .start_boot_ns = who.start_boot_ns,
			       .pid = who.pid};

	tell(&e);
}

static void cgroup_is_made(unsigned int phase)
{
	struct event_cgroup e = {.header = {.time_boot_ns = (uint64_t)clock_boot_ns(),
					    .size = sizeof(e),
					    .type = EVENT_CGROUP},
				 .id = 4000 + phase % 2,
				 .up = 1,
				 .path_len = sizeof(PATH_OF_CGROUP) - 1,
				 .path = PATH_OF_CGROUP};

	tell(&e);
}

void fake_phase(unsigned int phase)
{
	unsigned int id = 0;

	cgroup_is_made(phase);
	process_runs(phase);
	socket_listens();
	for (int i = 0; i < ENDED; i++)
		connection_ends(connection_opens());
	id = connection_opens(); /* of each phase, one stays open until a later one */
	for (unsigned int old = 1; old < id; old++)
		if (fake.ids[old].open && phase % 3 == 2) {
			connection_ends(old);
			break;
		}
	process_ends(phase);
}
