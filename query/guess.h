/*
 * guess.h - what was probably meant by a value that is not understood: what other programs
 * take, or people say. For names out of a table there is suggest.h.
 */
#ifndef CONNMON_GUESS_H
#define CONNMON_GUESS_H

#include <stdbool.h>

#define GUESS_SIZE 64

/* For "10.0.0", "10.0.0.*", "10.0.0.1:80", "010.0.0.1", "[::1]", "fe80::1%eth0": a network
 * that network_parse() takes. */
bool guess_network(const char *text, char out[GUESS_SIZE]);

/* For "1 hour", "1H", "90 minutes ago", "1h30m": a duration, in one unit. */
bool guess_duration(const char *text, char out[GUESS_SIZE]);

/* For the name of a service, as in /etc/services: its port. */
bool guess_port(const char *text, char out[GUESS_SIZE]);

#endif
