/* pinned.h - collectors with --pin, on a BPF file system that no other process sees. */
#ifndef CONNMON_PINNED_H
#define CONNMON_PINNED_H

#include "node.h"

extern char bpffs[80]; /* where it is mounted */
extern char pins[96];  /* the folder on it that collectors are told */

/* cmocka's group fixtures: *state is a struct node without a collector. */
int pins_mounted(void **state);
int pins_done(void **state);

/* As node_start() and node_stop(); the option may be NULL. */
void pins_begin(struct node *n, const char *option, const char *value);
void pins_end(struct node *n);

/* The collector says so on standard error, within some seconds. */
void assert_said(struct node *n, const char *words);

/* A test. */
void each_run_accounts_for_what_it_took_and_no_other(void **state);

#endif
