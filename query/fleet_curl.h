/*
 * fleet_curl.h - libcurl, loaded when a fleet is asked, and not before: linked, it and the 29
 * libraries behind it would take four fifths of the time of each start (measured: 4 ms, and 20
 * with them), and most questions are put to a file.
 */
#ifndef CONNMON_FLEET_CURL_H
#define CONNMON_FLEET_CURL_H

#define CURL_DISABLE_TYPECHECK /* its macros would call what is not linked */
#include <curl/curl.h>

#include "err.h"

struct fleet_curl {
	typeof(curl_global_init) *global_init;
	typeof(curl_easy_init) *easy_init;
	typeof(curl_easy_setopt) *easy_setopt;
	typeof(curl_easy_perform) *easy_perform;
	typeof(curl_easy_getinfo) *easy_getinfo;
	typeof(curl_easy_strerror) *easy_strerror;
	typeof(curl_easy_cleanup) *easy_cleanup;
	typeof(curl_url) *url;
	typeof(curl_url_set) *url_set;
	typeof(curl_url_get) *url_get;
	typeof(curl_url_strerror) *url_strerror;
	typeof(curl_url_cleanup) *url_cleanup;
	typeof(curl_slist_append) *slist_append;
	typeof(curl_slist_free_all) *slist_free_all;
	typeof(curl_free) *free;
};

/* Its functions, until the program ends. NULL with -ENOENT when it is not installed. */
const struct fleet_curl *fleet_curl_load(struct err *err);

/* Sets @err to what to do when it is not, or is too old; -ENOENT. */
int fleet_curl_is_old(struct err *err);

#endif
