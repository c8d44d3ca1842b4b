/*
 * Records, decoded. The first byte says how they come: as any bytes; or as a record in order, of
 * which the bytes that follow change some (by XOR), so that each check is met alone. Out comes a
 * clear error, or an event of which all is set that its kind has, all of it as decode.h says.
 */
#include "decode.h"

#include <errno.h>
#include <stddef.h>

#include "../bpf/event.h"
#include "safe.h"
#include "script.h"

#define A_CENTURY_NS (100LL * 366 * 86400 * 1000000000)

union record {
	struct event_header header;
	struct event_connection connection;
	struct event_end end;
	struct event_owned owned;
	struct event_listen listen;
	struct event_exec exec;
	struct event_exit exit;
	struct event_cgroup cgroup;
};

static const size_t sizes[] = {
	[EVENT_ATTEMPT] = sizeof(struct event_connection),
	[EVENT_OPEN] = sizeof(struct event_connection),
	[EVENT_END] = sizeof(struct event_end),
	[EVENT_OWNER] = sizeof(struct event_owned),
	[EVENT_LISTEN] = sizeof(struct event_listen),
	[EVENT_EXEC] = sizeof(struct event_exec),
	[EVENT_EXIT] = sizeof(struct event_exit),
	[EVENT_CGROUP] = sizeof(struct event_cgroup),
	[EVENT_PROGRESS] = sizeof(struct event_end),
};

/* One in order, with a path that is short (@more is -1), as long as can be (0), or longer (1).
 * Returns its size. */
static size_t begin(union record *r, uint8_t type, bool with_args, int more)
{
	const bool short_exec = type == EVENT_EXEC && !with_args;
	const size_t size = short_exec ? offsetof(struct event_exec, args) : sizes[type];

	memset(r, 0, sizeof(*r));
	r->header.type = type;
	r->header.size = (uint16_t)size;
	if (type == EVENT_LISTEN)
		r->listen.family = 4;
	else if (type <= EVENT_END || type == EVENT_PROGRESS)
		r->connection.family = 4;
	else if (type == EVENT_EXEC)
		r->exec.path_len = 8;
	else if (type == EVENT_CGROUP)
		r->cgroup.path_len = 4;
	if (type == EVENT_EXEC) {
		memset(r->exec.path, 'x', EVENT_EXE_LEN);
		memcpy(r->exec.path, "ls\0bin\0", 8);
		r->exec.path[EVENT_EXE_LEN - 2 + more] = '\0';
		if (more >= 0)
			r->exec.path_len = (uint32_t)(EVENT_EXE_LEN - 1 + more);
	}
	if (type == EVENT_CGROUP) {
		memset(r->cgroup.path, '/', EVENT_PATH_LEN);
		if (more >= 0)
			r->cgroup.path_len = (uint32_t)(EVENT_PATH_LEN - 1 + more);
	}
	return size;
}

/* ---- what an event is to be ---- */

static bool is_time(int64_t ns)
{
	return ns >= 0 && ns <= A_CENTURY_NS;
}

static void check_owner(const struct owner *o)
{
	must(strnlen(o->comm, COMM_LEN) < COMM_LEN && strnlen(o->thread, COMM_LEN) < COMM_LEN);
}

static void check_connection(const struct connection *c, enum event_kind kind)
{
	must(c->family == 4 || c->family == 6);
	must(c->direction == DIRECTION_OUT || c->direction == DIRECTION_IN);
	must((int)c->owner_source >= 0 && c->owner_source <= OWNER_KERNEL);
	must(is_time(c->start_boot_ns) && is_time(c->established_boot_ns) &&
	     is_time(c->accepted_boot_ns) && is_time(c->end_boot_ns));
	must(c->tx_bytes <= INT64_MAX && c->rx_bytes <= INT64_MAX);
	must(c->error >= 0 && c->error <= 4095);
	must(c->open_row == 0 && c->process_row == 0 && c->container_row == 0);
	if (kind == KIND_ATTEMPT)
		must(c->outcome == OUTCOME_CONNECTING && c->end_boot_ns == 0);
	else if (kind == KIND_OPEN)
		must(c->outcome == OUTCOME_OPEN && c->end_boot_ns == 0);
	else if (kind == KIND_PROGRESS)
		must((c->outcome == OUTCOME_OPEN || c->outcome == OUTCOME_CONNECTING) &&
		     c->end_boot_ns == 0 && c->error == 0);
	else
		must(c->outcome != OUTCOME_OPEN && c->outcome != OUTCOME_CONNECTING);
	check_owner(&c->owner);
	check_owner(&c->closer);
}

static void check_event(const struct event *e)
{
	must(is_time(e->time_boot_ns));
	must(strnlen(e->path, sizeof(e->path)) < EXE_LEN);
	must(e->args_len <= ARGS_LEN && e->args[e->args_len] == '\0');
	switch (e->kind) {
	case KIND_ATTEMPT:
	case KIND_OPEN:
	case KIND_END:
	case KIND_PROGRESS:
		check_connection(&e->connection, e->kind);
		break;
	case KIND_OWNER:
		must(is_time(e->connection.accepted_boot_ns));
		must(e->connection.owner_source <= OWNER_KERNEL);
		check_owner(&e->connection.owner);
		break;
	case KIND_LISTEN:
		must(e->listener.family == 4 || e->listener.family == 6);
		must((e->listener.from_boot_ns == 0) || (e->listener.to_boot_ns == 0));
		check_owner(&e->listener.owner);
		break;
	case KIND_EXEC:
		must(!*e->path || *e->path == '/');
		check_owner(&e->owner);
		check_owner(&e->parent);
		break;
	case KIND_EXIT:
	case KIND_CGROUP:
		break;
	default:
		abort();
	}
}

/* What was in *@out before makes no difference. */
static void check_same(const struct event *a, const struct event *b)
{
	const bool is_of_connection =
		a->kind == KIND_OPEN || a->kind == KIND_END || a->kind == KIND_PROGRESS;

	must(a->kind == b->kind && a->time_boot_ns == b->time_boot_ns);
	must(memcmp(&a->connection, &b->connection, sizeof(a->connection)) == 0);
	must(strcmp(a->path, b->path) == 0 && a->args_len == b->args_len &&
	     a->args_cut == b->args_cut && memcmp(a->args, b->args, a->args_len + 1) == 0);
	must(is_of_connection ||
	     memcmp(&a->owner, &b->owner,
		    offsetof(struct event, path) - offsetof(struct event, owner)) == 0);
}

/* @len bytes that end where their memory ends. */
static int decode(const void *bytes, size_t len)
{
	struct event *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
	char *record = malloc(len ? len : 1);
	struct err err = {0};
	int ret;

	must(a && b && record);
	memcpy(record, bytes, len);
	memset(a, 0xaa, sizeof(*a));
	memset(b, 0x55, sizeof(*b));
	ret = decode_event(record, len, a, &err);
	must(ret == 0 || (ret == -EBADMSG && err.code == ret && err.msg[0]));
	must(safe_text(err.msg, strlen(err.msg)));
	must(decode_event(record, len, b, &err) == ret);
	if (ret == 0) {
		check_event(a);
		check_event(b);
		check_same(a, b);
	}
	free(a);
	free(b);
	free(record);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	const uint8_t how = script_byte(&s), type = how % 16 % (EVENT_PROGRESS + 1);
	const int more = how / 64 - 1; /* -1: short, 0: as long as can be, 1: too long */
	const bool has_path = type == EVENT_EXEC || type == EVENT_CGROUP;
	union record r;
	size_t len;

	if (how & 16) {
		len = s.left < 2 * sizeof(r) ? s.left : 2 * sizeof(r);
		decode(s.at, len);
		return 0;
	}
	len = begin(&r, type, how & 32, more < 1 ? more : 1);
	must(decode(&r, len) == (has_path && more >= 1 ? -EBADMSG : 0));
	for (size_t i = 0; i < len; i++)
		((uint8_t *)&r)[i] ^= script_byte(&s);
	decode(&r, len);
	/* And with too few of them, or too many. */
	len -= script_byte(&s) % (len + 1);
	decode(&r, len);
	return 0;
}
