/* The state that runtimes keep of containers: JSON of any kind, and such as they write it with
 * names of any kind, of which the same names are read. */
#include "container_state.h"

#include <stdio.h>

#include "script.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const words[] = {
	"{",
	"}",
	"[",
	"]",
	":",
	",",
	"\"",
	"\"Name\":",
	"\"/web\"",
	"\"Config\":{\"Labels\":{",
	"\"io.kubernetes.container.name\":",
	"\"io.kubernetes.pod.namespace\":",
	"\"io.kubernetes.pod.name\":",
	"\"annotations\":{",
	"\"io.kubernetes.cri.container-name\":",
	"\"io.kubernetes.cri.sandbox-namespace\":",
	"\"io.kubernetes.cri.sandbox-name\":",
	"\"nerdctl/name\":",
	"\"id\":\"" ID "\"",
	"\"names\":[",
	"\"x\"",
	"null",
	"true",
	"-1e999",
	"1",
	"\\u0000",
	"\\ud800",
	"\\u202e",
	"\\\"",
	"\xff",
	"{\"a\":[",
	"[[[[[[[[[[[[[[[[",
};

/* A state in the making. */
struct json {
	char text[16384];
	size_t len;
};

static void put(struct json *j, const char *text)
{
	const size_t n = strlen(text);

	must(j->len + n < sizeof(j->text));
	memcpy(j->text + j->len, text, n + 1);
	j->len += n;
}

/* A string of JSON, in any of the ways in which a character can be written. */
static void put_string(struct json *j, const char *text, uint8_t how)
{
	char c[8];

	put(j, "\"");
	for (; *text; text++) {
		const unsigned char byte = (unsigned char)*text;

		if (byte < 0x20 || ((how & 1) && byte < 0x80))
			snprintf(c, sizeof(c), (how & 2) ? "\\u%04X" : "\\u%04x", byte);
		else if (byte == '"' || byte == '\\' || (byte == '/' && (how & 4)))
			snprintf(c, sizeof(c), "\\%c", byte);
		else
			snprintf(c, sizeof(c), "%c", byte);
		put(j, c);
	}
	put(j, "\"");
}

static void put_member(struct json *j, const char *key, const char *value, uint8_t how)
{
	if (!value)
		return;
	if (j->text[j->len - 1] != '{')
		put(j, ",");
	put_string(j, key, 0);
	put(j, (how & 8) ? " :\n\t" : ":");
	put_string(j, value, how);
}

/* Any text but bytes that are not ASCII become characters of Latin-1; NULL now and then. */
static char *take_name(struct script *s, char out[600])
{
	const size_t len = script_byte(s);
	size_t n = 0;

	if (len == 255)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		const uint8_t c = script_byte(s);

		if (c >= 0x80) {
			out[n++] = (char)(0xc0 | c >> 6);
			out[n++] = (char)(0x80 | (c & 0x3f));
		} else if (c) {
			out[n++] = (char)c;
		}
	}
	out[n] = '\0';
	return out;
}

/* ---- what is to be read ---- */

/* As much as there is room for. */
static void expect(char *to, size_t size, const char *text)
{
	const size_t n = text ? strlen(text) : 0, kept = n < size ? n : size - 1;

	if (n == 0)
		return;
	memcpy(to, text, kept);
	to[kept] = '\0';
}

static void expect_pod(struct container_facts *f, const char *space, const char *pod)
{
	char both[1300];

	if (!space || !pod)
		return;
	snprintf(both, sizeof(both), "%s/%s", space, pod);
	expect(f->pod, sizeof(f->pod), both);
}

static void build(struct script *s, enum state_kind kind, struct json *j,
		  struct container_facts *want)
{
	char a[600], b[600], c[600], d[600];
	const uint8_t how = script_byte(s);
	const char *name = take_name(s, a), *label = take_name(s, b), *space = take_name(s, c),
		   *pod = take_name(s, d);
	const char *shown = label;

	switch (kind) {
	case STATE_DOCKER_CONFIG:
		put(j, "{");
		put_member(j, "Name", name, how);
		put(j, name ? ",\"Config\":{\"Labels\":{" : "\"Config\":{\"Labels\":{");
		put_member(j, "io.kubernetes.container.name", label, how);
		put_member(j, "io.kubernetes.pod.namespace", space, how);
		put_member(j, "io.kubernetes.pod.name", pod, how);
		put(j, "}}}");
		if (!label && name)
			shown = name + strspn(name, "/");
		break;
	case STATE_OCI_CONFIG:
		put(j, "{\"annotations\":{");
		put_member(j, (how & 16) ? "io.kubernetes.cri.container-name" : "nerdctl/name",
			   label, how);
		put_member(j, "io.kubernetes.cri.sandbox-namespace", space, how);
		put_member(j, "io.kubernetes.cri.sandbox-name", pod, how);
		put(j, "}}");
		break;
	default:
		put(j, "[{\"id\":\"fff\",\"names\":[\"no\"]},{");
		put_member(j, "id", (how & 16) ? "" : ID, 0);
		put(j, ",\"names\":[");
		if (label)
			put_string(j, label, how);
		put(j, "]}]");
		space = NULL;
		if (how & 16)
			shown = NULL;
		break;
	}
	expect(want->name, sizeof(want->name), shown);
	expect_pod(want, space, pod);
}

static void check(struct state_reader *r, enum state_kind kind, const char *text, size_t len,
		  struct container_facts *f)
{
	const struct container_facts before = *f;

	if (state_read(r, kind, text, len, f)) {
		must(strnlen(f->name, sizeof(f->name)) < sizeof(f->name) && f->name[0]);
		must(strnlen(f->pod, sizeof(f->pod)) < sizeof(f->pod));
		must(strcmp(f->id, before.id) == 0 && f->uid == before.uid);
	} else {
		must(memcmp(f, &before, sizeof(before)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct state_reader *reader; /* used for all of them, as by the collector */
	struct script s = {data, size};
	const uint8_t how = script_byte(&s);
	const enum state_kind kind = how % STATE_KINDS;
	struct container_facts facts, want;
	struct json j = {.len = 0};

	if (!reader)
		must((reader = state_reader_new()));
	memset(&facts, 0, sizeof(facts));
	facts.runtime = "docker";
	strcpy(facts.id, ID);
	strcpy(facts.name, "0123456789ab");
	want = facts;
	if (how & 128) {
		build(&s, kind, &j, &want);
		check(reader, kind, j.text, j.len, &facts);
		must(strcmp(facts.name, want.name) == 0 && strcmp(facts.pod, want.pod) == 0);
	} else {
		size_t len;
		char *text = script_words(&s, words, sizeof(words) / sizeof(words[0]), &len);

		check(reader, kind, text, len, &facts);
		free(text);
	}
	return 0;
}
