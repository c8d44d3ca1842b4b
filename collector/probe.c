#include "probe_parts.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "kernel.h"

#define WAKEUP_FRACTION 8 /* wake the reader when the ring is this part full */

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
	int id = btf ? btf__find_by_name_kind(btf, "inet_csk_accept", BTF_KIND_FUNC) : -ENOENT;
	int prog_fd = -1, link_fd = -1, params = 0;

	if (id > 0) {
		struct bpf_prog_load_opts opts;

		/* Not LIBBPF_OPTS(): see probe_review(). */
		memset(&opts, 0, sizeof(opts));
		opts.sz = sizeof(opts);
		opts.expected_attach_type = BPF_TRACE_FEXIT;
		opts.attach_btf_id = (__u32)id;
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

/* ---- programs that outlive us ---- */

/* The maps that programs and iterators of different processes share. */
static const char *const shared_maps[] = {"events",   "connections", "listeners",
					  "counters", "losses",	     ".bss"};
#define N_SHARED_MAPS (sizeof(shared_maps) / sizeof(shared_maps[0]))

static uint64_t fingerprint_of(const struct probe_config *config)
{
	const uint64_t numbers[] = {
		config->ring_bytes,	 config->max_open,
		config->attempts,	 config->early_failures,
		config->cmdline,	 config->hook,
		config->accept,		 config->filter.no_loopback,
		config->filter.only_out, config->filter.only_in,
	};
	uint64_t hash = pin_fingerprint(0, numbers, sizeof(numbers));

	return pin_fingerprint(hash, config->filter.ports, sizeof(config->filter.ports));
}

/* Takes over what is pinned if it is what we would pin, else clears the place. */
static int find_pins(struct probe *p, const struct probe_config *config, struct err *err)
{
	size_t size;
	const void *elf = connmon_bpf__elf_bytes(&size);
	const uint64_t object = pin_fingerprint(0, elf, size), options = fingerprint_of(config);
	int ret = pins_open(&p->pins, config->pin, config->manager, err);

	if (ret)
		return ret;
	p->pin = config->pin;
	p->found = PROBE_PINNED;
	if (pins_read(&p->pins, p->pin, shared_maps, N_SHARED_MAPS, &p->about)) {
		const bool same = p->about.options == options;

		p->found = PROBE_REPLACED;
		if (p->about.object == object && !same && config->other_pins == OTHER_PINS_TELL)
			return err_set(err, -ESTALE, "--pin %s: pinned with other options", p->pin);
		if (p->about.object == object && (same || config->other_pins == OTHER_PINS_ADOPT) &&
		    pins_adopt(&p->pins, p->skel->obj, p->pin, &p->about))
			p->found = PROBE_ADOPTED;
	}
	if (p->found != PROBE_ADOPTED) {
		ret = pins_remove(&p->pins, p->pin, err);
		p->about = (struct pin_about){.object = object, .options = options};
	}
	return ret ? ret
		   : pins_name_maps(&p->pins, p->skel->obj, p->pin, shared_maps, N_SHARED_MAPS,
				    err);
}

static int attach_pinned(struct probe *p, struct err *err)
{
	int ret;

	p->ring.keep = p->pin != NULL;
	p->about.instance_ns =
		p->found == PROBE_ADOPTED ? p->about.instance_ns : (uint64_t)clock_boot_ns();
	/* Attached last: no event can come before there is someone to read it. */
	ret = attach_programs(p, err);
	if (ret || !p->pin || p->found == PROBE_ADOPTED)
		return ret;
	ret = pins_write(&p->pins, p->skel->skeleton, p->pin, shared_maps, N_SHARED_MAPS, &p->about,
			 err);
	if (ret)
		pins_remove(&p->pins, p->pin, &(struct err){0});
	return ret;
}

/* ---- from begin to end ---- */

/* Sets what the programs know of us; all of it is in fingerprint_of(). */
static void set_options(struct probe *p, const struct probe_config *config)
{
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
}

static int load(struct probe *p, const struct probe_config *config, struct err *err)
{
	uint32_t ring_bytes = (uint32_t)config->ring_bytes, max_open = config->max_open;
	int ret = 0;

	set_options(p, config);
	if (config->pin)
		ret = find_pins(p, config, err);
	/* Those of an earlier start that had --pin. */
	if (config->manager && (!config->pin || strcmp(config->pin, PROBE_PIN_SERVICE) != 0))
		pins_remove(&(struct pins){.manager = config->manager}, NULL, err);
	if (!ret && p->found != PROBE_ADOPTED)
		ret = choose_programs(p, config, err);
	if (ret)
		return ret;
	if (p->found == PROBE_ADOPTED) { /* perhaps with other sizes than we would choose */
		ring_bytes = pins_map_size(&p->pins, p->pin, "events");
		max_open = pins_map_size(&p->pins, p->pin, "connections");
	}
	ret = bpf_map__set_max_entries(p->skel->maps.events, ring_bytes);
	if (!ret)
		ret = bpf_map__set_max_entries(p->skel->maps.connections, max_open);
	if (!ret)
		ret = connmon_bpf__load(p->skel);
	return ret ? load_failed(ret, "loading the BPF programs", err) : 0;
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
	if (p->n_cpus < 0) {
		ret = err_set(err, p->n_cpus, "counting the CPUs: %s", strerror(-p->n_cpus));
		goto fail;
	}
	p->per_cpu = calloc((size_t)p->n_cpus, sizeof(*p->per_cpu));
	if (!p->per_cpu) {
		ret = err_set(err, -ENOMEM, "no memory for the counters");
		goto fail;
	}
	p->skel = connmon_bpf__open();
	if (!p->skel) {
		ret = load_failed(-errno, "opening the BPF programs", err);
		goto fail;
	}
	ret = load(p, config, err);
	if (!ret)
		ret = ring_open(&p->ring, bpf_map__fd(p->skel->maps.events),
				bpf_map__max_entries(p->skel->maps.events), err);
	if (!ret)
		ret = attach_pinned(p, err);
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
	ring_close(&p->ring);
	bpf_link__destroy(p->review);
	connmon_bpf__destroy(p->skel);
	pins_close(&p->pins);
	free(p->per_cpu);
	free(p);
}
