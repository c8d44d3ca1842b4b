/* page_facts.h - what a page tells of itself: what was asked, of which node and time, and what
 * of it may be missing. */
#ifndef CONNMON_PAGE_FACTS_H
#define CONNMON_PAGE_FACTS_H

#include "coverage.h"
#include "page.h"
#include "request.h"

#define PAGE_NOTES_MAX 8

/* The texts that a page borrows. It must not be moved. */
struct page_facts {
	char title[128], window[256], node[72], made[256], question[4096];
	char texts[PAGE_NOTES_MAX][512];
	const char *notes[PAGE_NOTES_MAX + 1];
	int n_notes;
	struct page page; /* its lead is the caller's to set, and its title, too */
};

/* Of what @q asks; @coverage is that of its window, NULL when it has none. The page is
 * then in out->page. */
void page_facts_fill(struct page_facts *out, const struct request *q,
		     const struct coverage *coverage);

/* Adds one; nothing when there are PAGE_NOTES_MAX. */
void page_facts_note(struct page_facts *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
