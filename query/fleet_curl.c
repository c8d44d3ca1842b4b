#include "fleet_curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define FUNCTION(name)                                                                             \
	{                                                                                          \
		"curl_" #name, offsetof(struct fleet_curl, name)                                   \
	}

static const struct {
	const char *name;
	size_t at; /* in struct fleet_curl */
} functions[] = {
	FUNCTION(global_init),	FUNCTION(easy_init),
	FUNCTION(easy_setopt),	FUNCTION(easy_perform),
	FUNCTION(easy_getinfo), FUNCTION(easy_strerror),
	FUNCTION(easy_cleanup), FUNCTION(url),
	FUNCTION(url_set),	FUNCTION(url_get),
	FUNCTION(url_strerror), FUNCTION(url_cleanup),
	FUNCTION(slist_append), FUNCTION(slist_free_all),
	FUNCTION(free),
};

#define N_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

_Static_assert(N_FUNCTIONS * sizeof(void *) == sizeof(struct fleet_curl), "one row for each");

int fleet_curl_is_old(struct err *err)
{
	return err_set(err, -ENOENT, "--fleet needs libcurl 7.85 or newer; install libcurl4");
}

const struct fleet_curl *fleet_curl_load(struct err *err)
{
	static struct fleet_curl curl;
	void *library;

	if (curl.free)
		return &curl;
	library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; library && i < N_FUNCTIONS; i++) {
		void *function = dlsym(library, functions[i].name);

		if (!function) {
			dlclose(library);
			library = NULL;
			break;
		}
		memcpy((char *)&curl + functions[i].at, &function, sizeof(function));
	}
	if (!library || curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		curl = (struct fleet_curl){0};
		fleet_curl_is_old(err);
		return NULL;
	}
	return &curl;
}
