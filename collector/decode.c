#include "decode.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "../bpf/event.h"
#include "verdict.h"

#define TCP_STATES  13 /* BPF_TCP_MAX_STATES */
#define MAX_BOOT_NS (100ULL * 366 * 86400 * 1000000000)

_Static_assert((int)KIND_EXEC == EVENT_EXEC && (int)KIND_CGROUP == EVENT_CGROUP &&
		       (int)KIND_PROGRESS == EVENT_PROGRESS,
	       "kinds are types");

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

static int check_header(const struct event_header *h, size_t len, struct err *err)
{
	size_t want;

	if (len < sizeof(*h))
		return err_set(err, -EBADMSG, "event of %zu bytes: shorter than its header", len);
	if (h->type > EVENT_PROGRESS)
		return err_set(err, -EBADMSG, "event of unknown type %u", h->type);
	if (h->time_boot_ns > MAX_BOOT_NS)
		return err_set(err, -EBADMSG, "a time more than a century after boot");
	want = sizes[h->type];
	if (h->type == EVENT_EXEC && len == offsetof(struct event_exec, args))
		want = len; /* without arguments */
	if (len != want || h->size != want)
		return err_set(err, -EBADMSG, "event of type %u: %zu bytes instead of %zu", h->type,
			       len, want);
	return 0;
}

static int decode_owner(const struct event_owner *from, struct owner *to, struct err *err)
{
	if (from->comm[EVENT_COMM_LEN - 1] != '\0' || from->thread[EVENT_COMM_LEN - 1] != '\0')
		return err_set(err, -EBADMSG, "process name without an end");
	to->start_boot_ns = from->start_boot_ns;
	to->cgroup_id = from->cgroup_id;
	to->parent_start_boot_ns = from->parent_start_boot_ns;
	to->pid = from->pid;
	to->ppid = from->ppid;
	to->uid = from->uid;
	to->exec_id = from->exec_id;
	memset(to->comm, 0, sizeof(to->comm));
	memset(to->thread, 0, sizeof(to->thread));
	strcpy(to->comm, from->comm);
	strcpy(to->thread, from->thread);
	return 0;
}

static unsigned int decode_flags(unsigned int from)
{
	return (from & EVENT_V4MAPPED ? CONNECTION_V4MAPPED : 0u) |
	       (from & EVENT_PREEXISTING ? CONNECTION_PREEXISTING : 0u) |
	       (from & EVENT_START_UNSEEN ? CONNECTION_START_UNSEEN : 0u) |
	       (from & EVENT_PEER_CLOSED ? CONNECTION_PEER_CLOSED : 0u) |
	       (from & EVENT_MPTCP ? CONNECTION_MPTCP : 0u);
}

/* With itself: over 127.0.0.0/8 or ::1, or between equal addresses. */
static bool is_loopback(const struct connection *c)
{
	if (c->family == 4 && c->peer_addr.s6_addr[0] == 127)
		return true;
	return (c->family == 6 && IN6_IS_ADDR_LOOPBACK(&c->peer_addr)) ||
	       memcmp(&c->local_addr, &c->peer_addr, sizeof(c->peer_addr)) == 0;
}

static int decode_connection(const struct event_connection *from, struct connection *to,
			     struct err *err)
{
	if (from->family != 4 && from->family != 6)
		return err_set(err, -EBADMSG, "address family %u", from->family);
	if (from->inbound > 1)
		return err_set(err, -EBADMSG, "direction %u", from->inbound);
	if (from->owner_source > OWNER_KERNEL)
		return err_set(err, -EBADMSG, "owner source %u", from->owner_source);
	if (from->start_boot_ns > MAX_BOOT_NS || from->established_boot_ns > MAX_BOOT_NS ||
	    from->accepted_boot_ns > MAX_BOOT_NS)
		return err_set(err, -EBADMSG, "a time more than a century after boot");
	to->id = from->id;
	to->cookie = from->cookie;
	to->cgroup_id = from->cgroup_id;
	to->start_boot_ns = (int64_t)from->start_boot_ns;
	to->established_boot_ns = (int64_t)from->established_boot_ns;
	to->accepted_boot_ns = (int64_t)from->accepted_boot_ns;
	memcpy(&to->local_addr, from->local_addr, sizeof(to->local_addr));
	memcpy(&to->peer_addr, from->peer_addr, sizeof(to->peer_addr));
	to->netns = from->netns;
	to->local_port = from->local_port;
	to->peer_port = from->peer_port;
	to->family = from->family;
	to->direction = from->inbound ? DIRECTION_IN : DIRECTION_OUT;
	to->owner_source = (enum owner_source)from->owner_source;
	to->flags = decode_flags(from->flags) | (is_loopback(to) ? CONNECTION_LOOPBACK : 0u);
	to->min_rtt_us = MIN_RTT_NONE;
	return decode_owner(&from->owner, &to->owner, err);
}

/* What an event_end adds: of one that is still open the outcome is not set. */
static int decode_end(const struct event_end *from, struct connection *to, struct err *err)
{
	const struct ending ending = {
		.old_state = from->old_state,
		.error = (int)from->socket_error,
		.by_task = from->how & EVENT_BY_TASK,
		.no_socket = from->how & EVENT_NO_SOCKET,
		.inbound = from->connection.inbound,
		.in_connect = from->how & EVENT_IN_CONNECT,
		.fin_received = from->how & EVENT_FIN_RECEIVED,
		.early = from->how & EVENT_EARLY,
		.all_acked = from->how & EVENT_ALL_ACKED,
		.unseen = from->how & EVENT_UNSEEN,
	};

	if (from->old_state >= TCP_STATES)
		return err_set(err, -EBADMSG, "TCP state %u", from->old_state);
	if (from->socket_error > 4095) /* MAX_ERRNO */
		return err_set(err, -EBADMSG, "errno %u", from->socket_error);
	/* SQLite's integers are signed. */
	if (from->tx_bytes > INT64_MAX || from->rx_bytes > INT64_MAX)
		return err_set(err, -EBADMSG, "byte counts past 2^63");
	if (from->connection.header.type == EVENT_END) {
		to->end_boot_ns = (int64_t)from->connection.header.time_boot_ns;
		to->outcome = verdict(&ending, &to->error);
	} else if (from->old_state == TCP_SYN_SENT) {
		to->outcome = OUTCOME_CONNECTING;
	}
	to->tx_bytes = from->tx_bytes;
	to->rx_bytes = from->rx_bytes;
	to->retransmits = from->retransmits;
	to->srtt_us = from->srtt_us;
	to->min_rtt_us = from->min_rtt_us;
	return decode_owner(&from->closer, &to->closer, err);
}

/* The path comes in parts, the last first. */
static int decode_exec(const struct event_exec *from, struct event *to, struct err *err)
{
	const bool has_args = from->header.size == sizeof(*from);
	size_t end = from->path_len, used = 0;
	int ret;

	if (end > sizeof(from->path) || (end > 0 && from->path[end - 1] != '\0'))
		return err_set(err, -EBADMSG, "path of a program without an end");
	if (from->args_len > 0 && !has_args)
		return err_set(err, -EBADMSG, "arguments without an end");
	while (end > 0) {
		size_t start = end - 1, len;

		while (start > 0 && from->path[start - 1] != '\0')
			start--;
		len = end - 1 - start;
		if (used + len + 2 > EXE_LEN)
			return err_set(err, -EBADMSG, "path of a program without an end");
		to->path[used++] = '/';
		memcpy(to->path + used, from->path + start, len);
		used += len;
		end = start;
	}
	to->path[used] = '\0';
	to->args_cut = from->args_len > sizeof(from->args);
	to->args_len = to->args_cut ? sizeof(from->args) : from->args_len;
	if (has_args)
		memcpy(to->args, from->args, to->args_len);
	to->args[to->args_len] = '\0';
	ret = decode_owner(&from->parent, &to->parent, err);
	return ret ? ret : decode_owner(&from->owner, &to->owner, err);
}

static int decode_owned(const struct event_owned *from, struct connection *to, struct err *err)
{
	if (from->owner_source > OWNER_KERNEL)
		return err_set(err, -EBADMSG, "owner source %u", from->owner_source);
	if (from->accepted_boot_ns > MAX_BOOT_NS)
		return err_set(err, -EBADMSG, "a time more than a century after boot");
	to->id = from->id;
	to->accepted_boot_ns = (int64_t)from->accepted_boot_ns;
	to->owner_source = (enum owner_source)from->owner_source;
	return decode_owner(&from->owner, &to->owner, err);
}

static int decode_listen(const struct event_listen *from, struct listener *to, struct err *err)
{
	if (from->family != 4 && from->family != 6)
		return err_set(err, -EBADMSG, "address family %u", from->family);
	*to = (struct listener){
		.cookie = from->cookie,
		.cgroup_id = from->cgroup_id,
		.netns = from->netns,
		.port = from->port,
		.family = from->family,
		.up = from->up,
	};
	if (from->up)
		to->from_boot_ns = (int64_t)from->header.time_boot_ns;
	else
		to->to_boot_ns = (int64_t)from->header.time_boot_ns;
	memcpy(&to->addr, from->addr, sizeof(to->addr));
	return decode_owner(&from->owner, &to->owner, err);
}

static int decode_cgroup(const struct event_cgroup *from, struct event *to, struct err *err)
{
	if (from->path_len >= sizeof(from->path) || memchr(from->path, '\0', from->path_len))
		return err_set(err, -EBADMSG, "path of a cgroup without an end");
	to->cgroup.id = from->id;
	to->cgroup.up = from->up;
	memcpy(to->path, from->path, from->path_len);
	to->path[from->path_len] = '\0';
	return 0;
}

static bool is_of_connection(unsigned int type)
{
	return type == EVENT_OPEN || type == EVENT_END || type == EVENT_PROGRESS;
}

int decode_event(const void *data, size_t len, struct event *out, struct err *err)
{
	union {
		struct event_header header;
		struct event_connection connection;
		struct event_end end;
		struct event_owned owned;
		struct event_listen listen;
		struct event_exec exec;
		struct event_exit exit;
		struct event_cgroup cgroup;
	} raw FILLED_AT_ONCE;
	int ret;

	if (len > sizeof(raw))
		return err_set(err, -EBADMSG, "event of %zu bytes: longer than any of ours", len);
	memcpy(&raw, data, len); /* @data may lie at any address */
	ret = check_header(&raw.header, len, err);
	if (ret)
		return ret;
	/* The rest is long, and seldom used. */
	memset(out, 0,
	       is_of_connection(raw.header.type) ? offsetof(struct event, owner)
						 : offsetof(struct event, path));
	out->path[0] = out->args[0] = '\0';
	out->args_len = 0;
	out->args_cut = false;
	out->kind = (enum event_kind)raw.header.type;
	out->time_boot_ns = (int64_t)raw.header.time_boot_ns;
	switch (out->kind) {
	case KIND_ATTEMPT:
		out->connection.outcome = OUTCOME_CONNECTING;
		return decode_connection(&raw.connection, &out->connection, err);
	case KIND_OPEN:
		out->connection.outcome = OUTCOME_OPEN;
		return decode_connection(&raw.connection, &out->connection, err);
	case KIND_PROGRESS:
	case KIND_END:
		out->connection.outcome = OUTCOME_OPEN;
		ret = decode_connection(&raw.connection, &out->connection, err);
		return ret ? ret : decode_end(&raw.end, &out->connection, err);
	case KIND_OWNER:
		return decode_owned(&raw.owned, &out->connection, err);
	case KIND_LISTEN:
		return decode_listen(&raw.listen, &out->listener, err);
	case KIND_EXEC:
		return decode_exec(&raw.exec, out, err);
	case KIND_EXIT:
		out->owner.pid = raw.exit.pid;
		out->owner.start_boot_ns = raw.exit.start_boot_ns;
		return 0;
	case KIND_CGROUP:
		return decode_cgroup(&raw.cgroup, out, err);
	}
	return err_set(err, -EBADMSG, "event of unknown type %u", raw.header.type);
}
