/* Which programs are loaded on which kernel, and what is said when it refuses them. Until the
 * kernel is asked, it is libbpf; then it is this test. */
#include "unit.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "probe.h"
#include "ring.h"

static struct kernel {
	int major, minor;
	bool kprobes, unsafe;	   /* fexit */
	int params;		   /* of inet_csk_accept(); 0: it has no such function */
	bool no_fexit, no_link;	   /* the kernel refuses the program, or to attach it */
	int load, attach, ring;	   /* -errno */
	const char *no_attachment; /* of this program: with EPERM, or as told */
	int why;
	uid_t euid;
} k;

static struct {
	char programs[4096]; /* with a space before and behind each */
	int no_prealloc;     /* maps of this kind */
	unsigned int max_open, ring_bytes, tried;
	bool attached;
} loaded;

/* ---- the kernel ---- */

int kernel_check(struct err *err)
{
	return k.major ? 0 : err_set(err, -ENOTSUP, "this kernel is too old");
}

bool kernel_is_since(int major, int minor)
{
	return k.major > major || (k.major == major && k.minor >= minor);
}

bool kernel_has_kprobes(void)
{
	return k.kprobes;
}

bool kernel_is_safe_for_fexit(void)
{
	return !k.unsafe;
}

uid_t geteuid(void)
{
	return k.euid;
}

/* With this one function, of the kind that the kernel has. */
struct btf *btf__load_vmlinux_btf(void)
{
	struct btf *btf = btf__new_empty();
	int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int proto = btf__add_func_proto(btf, number);

	for (int i = 0; i < k.params; i++)
		assert_int_equal(btf__add_func_param(btf, "p", number), 0);
	if (k.params)
		assert_true(btf__add_func(btf, "inet_csk_accept", BTF_FUNC_STATIC, proto) > 0);
	return btf;
}

/* By another name here: its last parameter is not const in every libbpf. */
int try_program(enum bpf_prog_type type, const char *name, const char *license,
		const struct bpf_insn *insns, size_t n, const void *opts) __asm__("bpf_prog_load");
int try_program(enum bpf_prog_type type, const char *name, const char *license,
		const struct bpf_insn *insns, size_t n, const void *opts)
{
	(void)name, (void)license, (void)insns, (void)n, (void)opts;
	assert_int_equal(type, BPF_PROG_TYPE_TRACING);
	loaded.tried++;
	return k.no_fexit ? -EINVAL : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int bpf_raw_tracepoint_open(const char *name, int prog_fd)
{
	assert_null(name);
	assert_true(prog_fd >= 0);
	return k.no_link ? -ENOTSUP : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int bpf_object__load_skeleton(struct bpf_object_skeleton *s)
{
	struct bpf_program *prog;
	struct bpf_map *map;

	bpf_object__for_each_program(prog, *s->obj) if (bpf_program__autoload(prog))
		sprintf(loaded.programs + strlen(loaded.programs), " %s ", bpf_program__name(prog));
	bpf_object__for_each_map(map, *s->obj)
	{
		loaded.no_prealloc += bpf_map__type(map) == BPF_MAP_TYPE_HASH &&
				      bpf_map__map_flags(map) & BPF_F_NO_PREALLOC;
		if (strcmp(bpf_map__name(map), "connections") == 0)
			loaded.max_open = bpf_map__max_entries(map);
		if (strcmp(bpf_map__name(map), "events") == 0)
			loaded.ring_bytes = bpf_map__max_entries(map);
	}
	return k.load;
}

int bpf_object__attach_skeleton(struct bpf_object_skeleton *s)
{
	(void)s;
	loaded.attached = true;
	return k.attach;
}

/* One of zeros is all that libbpf needs to let go of it. */
struct bpf_link *bpf_program__attach(const struct bpf_program *prog)
{
	if (!k.no_attachment || strcmp(bpf_program__name(prog), k.no_attachment) != 0)
		return calloc(1, 256);
	errno = k.why;
	return NULL;
}

int ring_open(struct ring *r, int map_fd, size_t bytes, struct err *err)
{
	(void)r, (void)map_fd;
	assert_int_equal(bytes, loaded.ring_bytes);
	return k.ring ? err_set(err, k.ring, "the ring") : 0;
}

void ring_close(struct ring *r)
{
	(void)r;
}

/* ---- asked of it ---- */

static struct probe_config plain(void)
{
	k = (struct kernel){.major = 6, .minor = 12, .params = 2, .kprobes = true};
	return (struct probe_config){.ring_bytes = 1 << 20, .max_open = 777};
}

static int nobody(void *ctx, const void *record, size_t size)
{
	(void)ctx, (void)record, (void)size;
	return 0;
}

static int try(const struct probe_config *config, struct err *err)
{
	char nothing = 0;
	struct probe *p = NULL;
	int ret;

	*err = (struct err){0};
	memset(&loaded, 0, sizeof(loaded));
	ret = probe_new(config, nobody, &nothing, &p, err);
	assert_int_equal(ret, err->code);
	assert_int_equal(ret == 0, p != NULL);
	probe_free(p);
	return ret;
}

static void load(const struct probe_config *config)
{
	struct err err;

	if (try(config, &err))
		fail_msg("%s", err.msg);
	assert_true(loaded.attached);
}

static bool has(const char *program)
{
	char words[64];

	snprintf(words, sizeof(words), " %s ", program);
	return strstr(loaded.programs, words);
}

static void assert_fails(const struct probe_config *config, int code, const char *words)
{
	struct err err;

	assert_int_equal(try(config, &err), code);
	if (!strstr(err.msg, words))
		fail_msg("%s", err.msg);
}

static void the_sizes_are_those_that_were_asked_for(void **state)
{
	struct probe_config c = plain();

	(void)state;
	load(&c);
	assert_int_equal(loaded.max_open, 777);
	assert_int_equal(loaded.ring_bytes, 1 << 20);
}

static void who_accepts_is_met_at_the_end_of_the_function_in_the_form_it_has(void **state)
{
	struct probe_config c = plain();

	(void)state;
	load(&c);
	assert_true(has("on_accept"));
	assert_false(has("on_accept_before_6_10"));
	assert_false(has("on_sys_accept"));
	k.params = 4;
	c.accept = ACCEPT_EXACT;
	load(&c);
	assert_false(has("on_accept"));
	assert_true(has("on_accept_before_6_10"));
	assert_false(has("on_sys_accept"));
	k.params = 3; /* of a kernel to come */
	load(&c);
	assert_false(has("on_accept"));
	assert_false(has("on_accept_before_6_10"));
	assert_true(has("on_sys_accept") && has("on_sys_accept4"));
}

static void where_it_cannot_be_had_that_end_is_left_alone(void **state)
{
	struct probe_config c = plain();

	(void)state;
	k.unsafe = true;
	load(&c);
	assert_int_equal(loaded.tried, 0);
	assert_false(has("on_accept") || has("on_sys_accept"));
	c = plain();
	k.no_fexit = true;
	load(&c);
	assert_int_equal(loaded.tried, 1);
	assert_false(has("on_accept") || has("on_sys_accept"));
	c = plain();
	k.no_link = true;
	load(&c);
	assert_false(has("on_accept") || has("on_sys_accept"));
	c = plain();
	k.params = 0;
	load(&c);
	assert_int_equal(loaded.tried, 0);
	assert_false(has("on_accept") || has("on_sys_accept"));
	/* Nor where nobody wants it. */
	c = plain();
	c.accept = ACCEPT_LAZY;
	load(&c);
	assert_int_equal(loaded.tried, 0);
	assert_false(has("on_accept") || has("on_sys_accept"));
}

static void a_kprobe_is_loaded_where_there_are_any(void **state)
{
	struct probe_config c = plain();

	(void)state;
	load(&c);
	assert_false(has("on_tcp_connect"));
	c.hook = HOOK_KPROBE;
	load(&c);
	assert_true(has("on_tcp_connect"));
	k.kprobes = false;
	assert_fails(&c, -ENOTSUP, "--hook kprobe: this kernel has no kprobes");
	k.kprobes = true;
	k.no_attachment = "on_tcp_connect";
	k.why = ENOENT;
	assert_fails(&c, -ENOENT, "--hook kprobe: attaching to tcp_connect(): No such file");
	assert_false(loaded.attached);
}

static void before_6_1_no_hash_grows_under_a_classic_program(void **state)
{
	struct probe_config c = plain();
	int growing;

	(void)state;
	c.accept = ACCEPT_LAZY;
	load(&c);
	growing = loaded.no_prealloc;
	assert_true(growing > 0);
	c.early_failures = true;
	load(&c);
	assert_true(has("on_connect_enter") && has("on_connect_exit"));
	assert_int_equal(loaded.no_prealloc, growing);
	k.major = 5;
	k.minor = 15;
	load(&c);
	assert_int_equal(loaded.no_prealloc, 0);
	c.early_failures = false; /* none of these programs */
	load(&c);
	assert_int_equal(loaded.no_prealloc, growing);
}

static void a_kernel_that_refuses_them_is_told_with_what_to_do(void **state)
{
	static const struct {
		int load;
		uid_t euid;
		int code;
		const char *words;
	} cases[] = {
		{-EACCES, 0, -ENOTSUP, "loading the BPF programs: this kernel's verifier refuses"},
		{-EACCES, 1000, -EPERM, "loading the BPF programs: not allowed; run as root"},
		{-EPERM, 0, -EPERM, "not allowed; run as root, or give the program CAP_BPF"},
		{-ENOMEM, 0, -ENOMEM, "no memory; try a smaller --ring"},
		{-ESRCH, 0, -ENOTSUP, "lacks a function or tracepoint"},
		{-E2BIG, 0, -E2BIG, "run with --verbose to see why"},
	};
	struct probe_config c = plain();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		k.load = cases[i].load;
		k.euid = cases[i].euid;
		assert_fails(&c, cases[i].code, cases[i].words);
		assert_false(loaded.attached);
	}
	c = plain();
	k.attach = -EPERM;
	assert_fails(&c, -EPERM, "attaching the BPF programs: not allowed");
	c = plain();
	k.ring = -EIO;
	assert_fails(&c, -EIO, "the ring");
	assert_false(loaded.attached);
	c = plain();
	k.major = 0;
	assert_fails(&c, -ENOTSUP, "this kernel is too old");
	assert_string_equal(loaded.programs, "");
}

static void calls_that_may_not_be_watched_are_told_by_their_option(void **state)
{
	struct probe_config c = plain();

	(void)state;
	c.accept = ACCEPT_EXACT;
	k.params = 0;
	k.no_attachment = "on_sys_accept4";
	k.why = EACCES;
	assert_fails(&c, -EPERM, "--accept=exact: only root may watch system calls");
	c.early_failures = true;
	k.no_attachment = "on_connect_exit";
	k.why = ENOENT;
	assert_fails(&c, -ENOENT,
		     "--early-failures: the tracepoints of system calls are not to be "
		     "had (No such file or directory); mount tracefs");
	assert_false(loaded.attached);
	k.no_attachment = "on_connect_enter"; /* the last of all */
	k.why = EPERM;
	assert_fails(&c, -EPERM, "--early-failures: only root may watch system calls");
	assert_true(loaded.attached);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sizes_are_those_that_were_asked_for),
		cmocka_unit_test(who_accepts_is_met_at_the_end_of_the_function_in_the_form_it_has),
		cmocka_unit_test(where_it_cannot_be_had_that_end_is_left_alone),
		cmocka_unit_test(a_kprobe_is_loaded_where_there_are_any),
		cmocka_unit_test(before_6_1_no_hash_grows_under_a_classic_program),
		cmocka_unit_test(a_kernel_that_refuses_them_is_told_with_what_to_do),
		cmocka_unit_test(calls_that_may_not_be_watched_are_told_by_their_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
