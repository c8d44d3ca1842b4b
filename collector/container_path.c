#include "container_path.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARTS 64
#define UID_LEN	  36 /* 8-4-4-4-12 digits */
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

struct part {
	const char *s;
	size_t len;
};

/* "<prefix><64 digits>", often with ".scope" at its end: the way most runtimes name a
 * cgroup. To add a runtime, add a row. */
static const struct {
	const char *runtime, *prefix;
} prefixes[] = {
	{"docker", "docker-"}, {"containerd", "cri-containerd-"},
	{"crio", "crio-"},     {"podman", "libpod-payload-"},
	{"podman", "libpod-"}, {"containerd", "nerdctl-"},
};

/* "<slice>:<middle>:<64 digits>": the runtime was told to leave cgroups to systemd but
 * does not. */
static const struct {
	const char *runtime, *middle;
} colons[] = {
	{"docker", ":docker:"}, {"containerd", ":cri-containerd:"}, {"crio", ":crio:"},
	{"podman", ":libpod:"}, {"containerd", ":nerdctl:"},
};

/* ---- words ---- */

static bool is(struct part p, const char *word)
{
	return p.len == strlen(word) && memcmp(p.s, word, p.len) == 0;
}

static bool take_prefix(struct part *p, const char *prefix)
{
	size_t len = strlen(prefix);

	if (p->len <= len || memcmp(p->s, prefix, len) != 0)
		return false;
	p->s += len;
	p->len -= len;
	return true;
}

static bool take_suffix(struct part *p, const char *suffix)
{
	size_t len = strlen(suffix);

	if (p->len <= len || memcmp(p->s + p->len - len, suffix, len) != 0)
		return false;
	p->len -= len;
	return true;
}

/* Lower case, as all runtimes write them: the id becomes a part of file names. */
static bool is_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	return true;
}

static bool is_id(struct part p)
{
	return p.len == CONTAINER_ID_LEN && is_hex(p.s, p.len);
}

/* 8-4-4-4-12 digits; systemd allows no dash in the name of a slice. */
static bool is_uid(struct part p)
{
	if (p.len != UID_LEN)
		return false;
	for (size_t i = 0; i < p.len; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (p.s[i] != '-' && p.s[i] != '_')
				return false;
		} else if (!is_hex(p.s + i, 1)) {
			return false;
		}
	}
	return true;
}

/* As much as there is room for. */
static void copy(char *to, size_t size, struct part from)
{
	size_t len = from.len < size ? from.len : size - 1;

	memcpy(to, from.s, len);
	to[len] = '\0';
}

/* A name in which systemd has written bytes as \xNN. */
static void unescape(char *to, size_t size, struct part from)
{
	size_t used = 0;

	for (size_t i = 0; i < from.len && used + 1 < size; used++) {
		if (i + 4 <= from.len && from.s[i] == '\\' && from.s[i + 1] == 'x' &&
		    is_hex(from.s + i + 2, 2) && memcmp(from.s + i + 2, "00", 2) != 0) {
			char digits[3] = {from.s[i + 2], from.s[i + 3], '\0'};

			to[used] = (char)strtoul(digits, NULL, 16);
			i += 4;
		} else {
			to[used] = from.s[i++];
		}
	}
	to[used] = '\0';
}

static bool found_id(struct container_facts *facts, const char *runtime, struct part id)
{
	facts->runtime = runtime;
	copy(facts->id, sizeof(facts->id), id);
	copy(facts->name, SHORT_ID_LEN + 1, id);
	return true;
}

static bool found_name(struct container_facts *facts, const char *runtime, struct part name)
{
	facts->runtime = runtime;
	unescape(facts->name, sizeof(facts->name), name);
	return true;
}

/* ---- pods ---- */

/* The uid of a pod in the name of its cgroup: "pod<uid>", or "...-pod<uid>.slice"; that
 * of a static pod has 32 digits. And podman's "...libpod_pod_<64 digits>.slice". */
static bool find_pod(struct part p, char *pod, size_t size)
{
	static const size_t lengths[] = {UID_LEN, 32, CONTAINER_ID_LEN};
	const bool is_slice = take_suffix(&p, ".slice");

	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct part uid = p, before = p;

		if (p.len <= lengths[i])
			continue;
		before.len -= lengths[i];
		uid.s += before.len;
		uid.len = lengths[i];
		if (!is_uid(uid) && !is_hex(uid.s, uid.len))
			continue;
		if (is_slice ? !take_suffix(&before, "-pod") && !take_suffix(&before, "_pod_")
			     : !is(before, "pod"))
			continue;
		copy(pod, size, uid);
		for (char *c = pod; *c; c++)
			if (*c == '_')
				*c = '-';
		return true;
	}
	return false;
}

/* ---- the forms ---- */

static bool match_prefixed(struct part p, struct container_facts *facts)
{
	take_suffix(&p, ".scope");
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		struct part id = p;

		if (take_prefix(&id, prefixes[i].prefix) && is_id(id))
			return found_id(facts, prefixes[i].runtime, id);
	}
	return false;
}

static bool match_colons(struct part p, struct container_facts *facts)
{
	struct part id = p;

	if (p.len <= CONTAINER_ID_LEN)
		return false;
	id.s += p.len - CONTAINER_ID_LEN;
	id.len = CONTAINER_ID_LEN;
	if (!is_id(id))
		return false;
	p.len -= CONTAINER_ID_LEN;
	for (size_t i = 0; i < COUNT(colons); i++) {
		if (!take_suffix(&p, colons[i].middle))
			continue;
		find_pod(p, facts->pod, sizeof(facts->pod));
		return found_id(facts, colons[i].runtime, id);
	}
	return false;
}

static bool is_below(const struct part *parts, int at, const char *word)
{
	for (int i = 0; i < at; i++)
		if (is(parts[i], word))
			return true;
	return false;
}

/* Nothing but an id: who made it stands above, if anywhere. */
static bool match_bare(const struct part *parts, int at, struct container_facts *facts)
{
	struct part p = parts[at];
	char pod[CONTAINER_POD_LEN + 1];
	bool in_pod = at > 0 && find_pod(parts[at - 1], pod, sizeof(pod));

	if (is_id(p)) {
		if (at > 0 && is(parts[at - 1], "docker"))
			return found_id(facts, "docker", p);
		if (at > 0 && is(parts[at - 1], "libpod_parent"))
			return false; /* a pod of podman's */
		if (in_pod)
			return found_id(facts, "kubernetes", p);
		return found_id(facts, is_below(parts, at, "ecs") ? "ecs" : "oci", p);
	}
	if (is_uid(p) && in_pod)
		return found_id(facts, "kubernetes", p);
	if (is_uid(p) && at > 0 && is(parts[at - 1], "garden"))
		return found_id(facts, "garden", p);
	/* Fargate: the task's 32 digits and a number. */
	if (p.len > 33 && p.len <= CONTAINER_ID_LEN && is_hex(p.s, 32) && p.s[32] == '-' &&
	    is_hex(p.s + 33, p.len - 33) && is_below(parts, at, "ecs"))
		return found_id(facts, "ecs", p);
	return false;
}

/* <allocation>.<task>, with ".scope" in cgroup v2. */
static bool match_nomad(const struct part *parts, int at, struct container_facts *facts)
{
	struct part p = parts[at], id = p;

	if (at == 0 || !(is(parts[0], "nomad.slice") || is(parts[at - 1], "nomad")))
		return false;
	take_suffix(&p, ".scope");
	if (p.len < UID_LEN + 2 || p.s[UID_LEN] != '.')
		return false;
	id.len = UID_LEN;
	if (!is_uid(id))
		return false;
	found_id(facts, "nomad", id);
	p.s += UID_LEN + 1;
	p.len -= UID_LEN + 1;
	return found_name(facts, "nomad", p);
}

/* lxc.payload.NAME; before LXC 4 lxc.payload/NAME, before 3.2 and on Proxmox lxc/NAME. */
static bool match_lxc(const struct part *parts, int at, struct container_facts *facts)
{
	struct part p = parts[at];

	if (take_prefix(&p, "lxc.payload."))
		return found_name(facts, "lxc", p);
	if (at > 0 && (is(parts[at - 1], "lxc.payload") || (at == 1 && is(parts[0], "lxc"))))
		return found_name(facts, "lxc", p);
	return false;
}

/* By machinectl as a service, from a shell as a scope. machined keeps virtual machines and
 * the containers of libvirt in scopes, too. */
static bool match_nspawn(const struct part *parts, int at, int n, struct container_facts *facts)
{
	struct part p = parts[at], scope = p;

	if (at + 1 < n && is(parts[at + 1], "supervisor"))
		return false;
	if (take_prefix(&p, "systemd-nspawn@") && take_suffix(&p, ".service"))
		return found_name(facts, "nspawn", p);
	if (at == 0 || !is(parts[at - 1], "machine.slice") || !take_prefix(&scope, "machine-") ||
	    !take_suffix(&scope, ".scope"))
		return false;
	p = scope;
	if (take_prefix(&p, "qemu\\x2d"))
		return false;
	return found_name(facts, take_prefix(&p, "lxc\\x2d") ? "lxc" : "nspawn", scope);
}

/* ---- the whole path ---- */

static int split(const char *path, struct part *parts)
{
	int n = 0;

	while (*path && n < MAX_PARTS) {
		size_t len = strcspn(path, "/");

		if (len > 0)
			parts[n++] = (struct part){path, len};
		path += len + (path[len] == '/');
	}
	return n;
}

static unsigned int find_user(const struct part *parts, int n)
{
	for (int i = 0; i < n; i++) {
		struct part p = parts[i];
		unsigned long uid;
		char *end;

		if (!take_prefix(&p, "user-") || !take_suffix(&p, ".slice") ||
		    !isdigit((unsigned char)*p.s))
			continue;
		uid = strtoul(p.s, &end, 10);
		if (end == p.s + p.len && uid < 0xffffffff)
			return (unsigned int)uid;
	}
	return 0;
}

bool container_path_parse(const char *path, struct container_facts *facts)
{
	struct part parts[MAX_PARTS];
	int n = split(path, parts), at;

	memset(facts, 0, sizeof(*facts));
	/* From the inside: one may run in another, and may make cgroups of its own. */
	for (at = n - 1; at >= 0; at--)
		if (match_prefixed(parts[at], facts) || match_colons(parts[at], facts) ||
		    match_bare(parts, at, facts) || match_nomad(parts, at, facts) ||
		    match_lxc(parts, at, facts) || match_nspawn(parts, at, n, facts))
			break;
	if (at < 0)
		return false;
	facts->uid = find_user(parts, at);
	for (int i = at - 1; i >= 0 && !facts->pod[0]; i--)
		if (!find_pod(parts[i], facts->pod, sizeof(facts->pod)) && i > 0 &&
		    is(parts[i - 1], "libpod_parent") && is_id(parts[i]))
			copy(facts->pod, sizeof(facts->pod), parts[i]);
	return true;
}
