#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bpf/event.h"
#include "connmon.skel.h"
#include "kernel.h"

#define WAKEUP_FRACTION 8 /* wake the reader when the ring is this part full */

_Static_assert(PROBE_RECORDS == EVENT_TYPES, "each kind of record is counted");

struct probe {
	struct connmon_bpf *skel;
	struct ring_buffer *ring;
	struct event_counters *per_cpu; /* room for one of each CPU */
	int n_cpus;
	probe_sink sink;
	void *ctx;
};

static int on_event(void *ctx, void *data, size_t len)
{
	struct probe *p = ctx;

	return p->sink(p->ctx, data, len);
}

static int say_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

/* What an errno of loading or attaching means here. */
static int load_failed(int code, const char *what, struct err *err)
{
	switch (-code) {
	case EACCES: /* also what an unprivileged load may get: the programs are not at fault */
		if (geteuid() == 0)
			return err_set(err, -ENOTSUP,
				       "%s: this kernel's verifier refuses them; run with "
				       "--verbose and report what it says",
				       what);
		/* fallthrough */
	case EPERM:
		return err_set(err, -EPERM,
			       "%s: not allowed; run as root, or give the program "
			       "CAP_BPF and CAP_PERFMON",
			       what);
	case ENOMEM:
		return err_set(err, -ENOMEM, "%s: no memory; try a smaller --ring", what);
	case ESRCH:
		return err_set(err, -ENOTSUP,
			       "%s: this kernel lacks a function or tracepoint we "
			       "need; run with --verbose to see which",
			       what);
	default:
		return err_set(err, code, "%s: %s; run with --verbose to see why", what,
			       strerror(-code));
	}
}

/* ---- the programs that not every kernel can run, or that cost something ---- */

/* How many parameters inet_csk_accept() of this kernel has, if a program can be run at
 * its end; else 0. The only way to know is to do it, once, with one that does nothing:
 * when a single program is refused, libbpf loads none of an object. */
static int try_fexit(void)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf__find_by_name_kind(btf, "inet_csk_accept", BTF_KIND_FUNC);
	int prog_fd = -1, link_fd = -1, params = 0;

	if (id > 0) {
		LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FEXIT,
			    .attach_btf_id = (__u32)id);

		params = btf_vlen(btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type));
		prog_fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "connmon_try", "GPL", nothing,
					sizeof(nothing) / sizeof(nothing[0]), &opts);
	}
	if (prog_fd >= 0) {
		link_fd = bpf_raw_tracepoint_open(NULL, prog_fd);
		close(prog_fd);
	}
	if (link_fd >= 0)
		close(link_fd);
	btf__free(btf);
	return link_fd >= 0 ? params : 0;
}

/* The program at the end of inet_csk_accept(), in the form this kernel has it. */
static struct bpf_program *fexit_of_accept(struct probe *p)
{
	if (!kernel_is_safe_for_fexit())
		return NULL;
	switch (try_fexit()) {
	case 2: /* since 6.10 */
		return p->skel->progs.on_accept;
	case 4:
		return p->skel->progs.on_accept_before_6_10;
	default:
		return NULL;
	}
}

/* Classic programs may use no hash that grows by allocation before 6.1: the kernel
 * says so, loudly. */
static int preallocate(struct probe *p)
{
	struct bpf_map *map;
	int ret = 0;

	bpf_object__for_each_map(map, p->skel->obj) if (!ret && bpf_map__type(map) ==
									BPF_MAP_TYPE_HASH) ret =
		bpf_map__set_map_flags(map, bpf_map__map_flags(map) & ~(__u32)BPF_F_NO_PREALLOC);
	return ret;
}

/* Sets which of them are to be loaded; all others are always. */
static int choose_programs(struct probe *p, const struct probe_config *config, struct err *err)
{
	struct bpf_program *fexit = config->accept == ACCEPT_LAZY ? NULL : fexit_of_accept(p);
	bool accept_calls = config->accept == ACCEPT_EXACT && !fexit;
	bool kprobe = config->hook == HOOK_KPROBE;
	int ret = 0;

	if (kprobe && !kernel_has_kprobes())
		return err_set(err, -ENOTSUP,
			       "--hook kprobe: this kernel has no kprobes (CONFIG_KPROBE_EVENTS); "
			       "the tracepoint, which is the default, records the same rows");
	p->skel->rodata->hook_kprobe = kprobe;
	bpf_program__set_autoload(p->skel->progs.on_tcp_connect, kprobe);
	if (fexit)
		bpf_program__set_autoload(fexit, true);
	bpf_program__set_autoload(p->skel->progs.on_sys_accept, accept_calls);
	bpf_program__set_autoload(p->skel->progs.on_sys_accept4, accept_calls);
	bpf_program__set_autoload(p->skel->progs.on_connect_enter, config->early_failures);
	bpf_program__set_autoload(p->skel->progs.on_connect_exit, config->early_failures);
	p->skel->rodata->early_failures = config->early_failures;
	if ((kprobe || accept_calls || config->early_failures) && !kernel_is_since(6, 1))
		ret = preallocate(p);
	if (ret)
		return load_failed(ret, "preparing the BPF programs", err);
	return 0;
}

static int attach(struct bpf_program *prog, struct bpf_link **link)
{
	if (!bpf_program__autoload(prog))
		return 0;
	*link = bpf_program__attach(prog);
	return *link ? 0 : -errno;
}

/* Tells what to do when the tracepoints of system calls cannot be had. */
static int calls_failed(int code, const char *option, struct err *err)
{
	if (code == -EACCES || code == -EPERM)
		return err_set(err, -EPERM,
			       "%s: only root may watch system calls; run as root, or without it",
			       option);
	return err_set(err, code,
		       "%s: the tracepoints of system calls are not to be had (%s); mount tracefs "
		       "(mount -t tracefs nodev /sys/kernel/tracing), or go without it",
		       option, strerror(-code));
}

static int attach_programs(struct probe *p, struct err *err)
{
	int ret;

	/* First those that do nothing until the others have met a connection. */
	ret = attach(p->skel->progs.on_tcp_connect, &p->skel->links.on_tcp_connect);
	if (ret)
		return load_failed(ret, "--hook kprobe: attaching to tcp_connect()", err);
	ret = attach(p->skel->progs.on_sys_accept, &p->skel->links.on_sys_accept);
	if (!ret)
		ret = attach(p->skel->progs.on_sys_accept4, &p->skel->links.on_sys_accept4);
	if (ret)
		return calls_failed(ret, "--accept=exact", err);
	ret = attach(p->skel->progs.on_connect_exit, &p->skel->links.on_connect_exit);
	if (ret)
		return calls_failed(ret, "--early-failures", err);
	/* This one last: without the others each attempt would seem to fail early. */
	bpf_program__set_autoattach(p->skel->progs.on_connect_enter, false);
	/* This one needs to be told the map; see probe_review(). */
	bpf_program__set_autoattach(p->skel->progs.review, false);
	ret = connmon_bpf__attach(p->skel);
	if (ret)
		return load_failed(ret, "attaching the BPF programs", err);
	ret = attach(p->skel->progs.on_connect_enter, &p->skel->links.on_connect_enter);
	if (ret)
		return calls_failed(ret, "--early-failures", err);
	return 0;
}

int probe_new(const struct probe_config *config, probe_sink sink, void *ctx, struct probe **out,
	      struct err *err)
{
	struct probe *p;
	int ret;

	ret = kernel_check(err);
	if (ret)
		return ret;
	if (!config->verbose)
		libbpf_set_print(say_nothing);
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, -ENOMEM, "no memory for the probe");
	p->sink = sink;
	p->ctx = ctx;
	p->n_cpus = libbpf_num_possible_cpus();
	p->per_cpu = p->n_cpus > 0 ? calloc((size_t)p->n_cpus, sizeof(*p->per_cpu)) : NULL;
	if (!p->per_cpu) {
		ret = err_set(err, -ENOMEM, "no memory for the counters");
		goto fail;
	}
	p->skel = connmon_bpf__open();
	if (!p->skel) {
		ret = load_failed(-errno, "opening the BPF programs", err);
		goto fail;
	}
	p->skel->rodata->collector_pid = (__u32)getpid();
	p->skel->rodata->send_attempts = config->attempts;
	p->skel->rodata->filter_no_loopback = config->filter.no_loopback;
	p->skel->rodata->filter_only_out = config->filter.only_out;
	p->skel->rodata->filter_only_in = config->filter.only_in;
	for (size_t i = 0; i < sizeof(config->filter.ports); i++) {
		p->skel->rodata->filter_ports[i] = config->filter.ports[i];
		p->skel->rodata->filter_any_port |= config->filter.ports[i] != 0;
	}
	p->skel->rodata->send_args = config->cmdline;
	p->skel->rodata->wakeup_bytes = (__u32)(config->ring_bytes / WAKEUP_FRACTION);
	ret = choose_programs(p, config, err);
	if (ret)
		goto fail;
	ret = bpf_map__set_max_entries(p->skel->maps.events, (__u32)config->ring_bytes);
	if (!ret)
		ret = bpf_map__set_max_entries(p->skel->maps.connections, config->max_open);
	if (!ret)
		ret = connmon_bpf__load(p->skel);
	if (ret) {
		load_failed(ret, "loading the BPF programs", err);
		goto fail;
	}
	p->ring = ring_buffer__new(bpf_map__fd(p->skel->maps.events), on_event, p, NULL);
	if (!p->ring) {
		ret = load_failed(-errno, "mapping the ring buffer", err);
		goto fail;
	}
	/* Attached last: no event can come before there is someone to read it. */
	ret = attach_programs(p, err);
	if (ret)
		goto fail;
	*out = p;
	return 0;

fail:
	probe_free(p);
	return err->code;
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	ring_buffer__free(p->ring);
	connmon_bpf__destroy(p->skel);
	free(p->per_cpu);
	free(p);
}

int probe_fd(const struct probe *p)
{
	return ring_buffer__epoll_fd(p->ring);
}

int probe_read(struct probe *p)
{
	return ring_buffer__consume(p->ring);
}

void probe_stop(struct probe *p)
{
	connmon_bpf__detach(p->skel);
}

/* How many of @len bytes at @data are whole events, each handed to @sink; negative:
 * what @sink returned. Their headers are the kernel side's; decode checks the rest. */
static ssize_t hand_out(const char *data, size_t len, probe_sink sink, void *ctx)
{
	size_t at = 0;

	while (len - at >= sizeof(struct event_header)) {
		struct event_header h;
		int ret;

		memcpy(&h, data + at, sizeof(h));
		if (h.size < sizeof(h))
			return -EBADMSG;
		if (h.size > len - at)
			break;
		ret = sink(ctx, data + at, h.size);
		if (ret < 0)
			return ret;
		at += h.size;
	}
	return (ssize_t)at;
}

/* Reads all that an iterator program writes. A read may end in the middle of an event. */
static int run_iterator(struct bpf_link *link, probe_sink sink, void *ctx, struct err *err)
{
	char buf[16384];
	size_t have = 0;
	ssize_t n;
	int fd;

	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		return err_set(err, -errno, "scanning sockets and processes: %s", strerror(errno));
	while ((n = read(fd, buf + have, sizeof(buf) - have)) != 0) {
		ssize_t done;

		/* EAGAIN: very many objects, and not one to show among them. */
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		done = n < 0 ? -errno : hand_out(buf, have + (size_t)n, sink, ctx);
		if (done < 0) {
			close(fd);
			return err_set(err, (int)done, "scanning sockets and processes: %s",
				       strerror((int)-done));
		}
		have = have + (size_t)n - (size_t)done;
		memmove(buf, buf + done, have);
	}
	close(fd);
	return 0;
}

int probe_scan_processes(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	return run_iterator(p->skel->links.scan_processes, sink, ctx, err);
}

int probe_scan_files(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	return run_iterator(p->skel->links.scan_files, sink, ctx, err);
}

int probe_scan_namespace(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	return run_iterator(p->skel->links.scan_namespace, sink, ctx, err);
}

int probe_review(struct probe *p, probe_sink sink, void *ctx, struct err *err)
{
	union bpf_iter_link_info map = {.map.map_fd =
						(__u32)bpf_map__fd(p->skel->maps.connections)};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &map, .link_info_len = sizeof(map));
	struct bpf_link *link = bpf_program__attach_iter(p->skel->progs.review, &opts);
	int ret;

	if (!link)
		return err_set(err, -errno, "listing the kernel's connections: %s",
			       strerror(errno));
	ret = run_iterator(link, sink, ctx, err);
	bpf_link__destroy(link);
	return ret;
}

/* Since 5.12; 0 on a kernel that runs nested programs anyway (before 6.2). */
static int add_recursion_misses(struct bpf_program *prog, uint64_t *sum)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &size) != 0)
		return -errno;
	*sum += info.recursion_misses;
	return 0;
}

int probe_counters(const struct probe *p, struct probe_counters *out, struct err *err)
{
	struct bpf_program *prog;
	struct probe_counters sum = {0};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.counters), &zero, p->per_cpu) != 0)
		return err_set(err, -errno, "reading the kernel's counters: %s", strerror(errno));
	for (int i = 0; i < p->n_cpus; i++) {
		for (int r = 0; r < PROBE_RECORDS; r++) {
			sum.seen[r] += p->per_cpu[i].seq[r];
			sum.lost[r] += p->per_cpu[i].lost[r];
		}
		sum.table_full += p->per_cpu[i].table_full;
		sum.in_connect_full += p->per_cpu[i].in_connect_full;
		sum.listeners_full += p->per_cpu[i].listeners_full;
		sum.filtered += p->per_cpu[i].filtered;
		sum.missed_ends += p->per_cpu[i].missed_ends;
		sum.rescued += p->per_cpu[i].rescued;
	}
	bpf_object__for_each_program(prog, p->skel->obj)
	{
		int ret = bpf_program__autoload(prog)
				  ? add_recursion_misses(prog, &sum.recursion_misses)
				  : 0;

		if (ret)
			return err_set(err, ret, "reading the programs' counters: %s",
				       strerror(-ret));
	}
	*out = sum;
	return 0;
}
