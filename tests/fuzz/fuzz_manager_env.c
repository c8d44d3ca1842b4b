/* What a service manager says by the environment, and what anybody may have put there. */
#include "manager_env.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "script.h"

#define SELF 4711
#define MOST 128

/* NULL, or a text that ends where its memory ends: often what such a variable is like. */
static char *take_variable(struct script *s)
{
	static const char *const usual[] = {
		"4711", "3", "128", "30000000",	  "9223372036854775807", "18446744073709551616",
		"",	"0", "-1",  "a::b:stored"};
	const uint8_t how = script_byte(s);
	size_t len;

	if (how == 255)
		return NULL;
	if (how < 128)
		return strdup(usual[how % (sizeof(usual) / sizeof(usual[0]))]);
	return script_text(s, how - 128u, &len);
}

/* A number of digits and nothing else, or @most when it is more; -1: none. */
static int64_t value(const char *text, int64_t most)
{
	char shortened[24];

	if (!text || !*text || text[strspn(text, "0123456789")])
		return -1;
	text += strspn(text, "0");
	if (strlen(text) > 19)
		return most;
	snprintf(shortened, sizeof(shortened), "0%s", text);
	return strtoull(shortened, NULL, 10) > (unsigned long long)most
		       ? most
		       : (int64_t)strtoull(shortened, NULL, 10);
}

static void check_names(const char *all)
{
	const char *left = all;

	for (int i = 0; i < 3; i++) {
		const char *expected = left, *colon = strchr(left, ':');
		size_t len;

		must(manager_env_name(&left, &len) == expected);
		must(len == (colon ? (size_t)(colon - expected) : strlen(expected)));
		must(left == (colon ? colon + 1 : expected + len));
	}
}

static void check_socket(const char *path)
{
	struct sockaddr_un address;
	struct err err = {0};
	const size_t n = strlen(path);
	socklen_t len = 0;
	int ret = manager_env_socket(path, &address, &len, &err);

	must((ret == 0) == ((path[0] == '/' || path[0] == '@') && n < sizeof(address.sun_path)));
	if (ret) {
		must(ret == -EINVAL && err.msg[0]);
		return;
	}
	must(address.sun_family == AF_UNIX);
	must(len == offsetof(struct sockaddr_un, sun_path) + n && len <= sizeof(address));
	must(address.sun_path[0] == (path[0] == '@' ? '\0' : '/'));
	must(memcmp(address.sun_path + 1, path + 1, n - 1) == 0);
	must(path[0] == '@' || address.sun_path[n] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = {data, size};
	char *pid = take_variable(&s), *number = take_variable(&s), *text = take_variable(&s);
	const bool ours = value(pid, INT64_MAX) == SELF;
	const int64_t n = value(number, MOST), us = value(number, INT64_MAX / 1000);

	must(manager_env_fds(pid, number, SELF, MOST) == (ours && n > 0 ? n : 0));
	must(manager_env_watchdog_ns(pid, number, SELF) ==
	     ((ours || !pid) && us > 0 ? us * 1000 : 0));
	if (text) {
		check_names(text);
		check_socket(text);
	}
	free(pid);
	free(number);
	free(text);
	return 0;
}
