/* What a page tells of its question: who reads it elsewhere must not learn a password. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "page_facts.h"

#define MAX_WORDS 8

/* The question as a page shows it. */
static const char *shown(const char *const words[])
{
	static struct page_facts facts;
	struct request q = {.argv = (char *const *)words, .renderer = &renderers[0], .utc = true};

	while (words[q.argc])
		q.argc++;
	page_facts_fill(&facts, &q, NULL);
	assert_ptr_equal(facts.page.question, facts.question);
	return facts.question;
}

#define ASSERT_SHOWN(expected, ...)                                                                \
	assert_string_equal(shown((const char *const[MAX_WORDS]){"connmon-query", __VA_ARGS__,     \
								 NULL}),                           \
			    expected)

static void a_question_is_shown_as_one_would_type_it(void **state)
{
	(void)state;
	ASSERT_SHOWN("connmon-query top-ports --since 1h", "top-ports", "--since", "1h");
	ASSERT_SHOWN("connmon-query list --comm 'a b' --exe ''", "list", "--comm", "a b", "--exe",
		     "");
	ASSERT_SHOWN("connmon-query list --comm 'it'\\''s'", "list", "--comm", "it's");
}

static void of_a_fleet_neither_user_nor_password_is_shown(void **state)
{
	(void)state;
	ASSERT_SHOWN("connmon-query --fleet http://h:8123/ list", "--fleet",
		     "http://reader:secret@h:8123/", "list");
	ASSERT_SHOWN("connmon-query '--fleet=https://h/?database=c' list",
		     "--fleet=https://reader:se@cret@h/?database=c", "list");
	ASSERT_SHOWN("connmon-query --fleet=http://h:8123/ list", "--fleet=http://h:8123/", "list");
	ASSERT_SHOWN("connmon-query list --comm a@b", "list", "--comm", "a@b");
}

static void notes_are_kept_as_far_as_there_is_room(void **state)
{
	struct page_facts facts = {0};

	(void)state;
	for (int i = 0; i < PAGE_NOTES_MAX + 3; i++)
		page_facts_note(&facts, "a note, number %d", i);
	assert_int_equal(facts.n_notes, PAGE_NOTES_MAX);
	assert_string_equal(facts.notes[0], "A note, number 0");
	assert_string_equal(facts.notes[PAGE_NOTES_MAX - 1], "A note, number 7");
	assert_null(facts.notes[PAGE_NOTES_MAX]);
}

/* A database that was brought here from another node says nothing of this one. */
static void the_node_is_named_when_the_history_is_its_own(void **state)
{
	static const struct report report = {.title = "some report"};
	const char *const words[] = {"connmon-query", NULL};
	struct request q = {.argv = (char *const *)words,
			    .argc = 1,
			    .report = &report,
			    .renderer = &renderers[0],
			    .utc = true};
	struct coverage c = {.loser_uid = -1};
	struct page_facts facts;
	struct utsname here;
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");

	(void)state;
	assert_non_null(f);
	assert_non_null(fgets(c.boot_id, sizeof(c.boot_id), f));
	fclose(f);
	c.boot_id[strcspn(c.boot_id, "\n")] = '\0';
	assert_int_equal(uname(&here), 0);
	page_facts_fill(&facts, &q, &c);
	assert_string_equal(facts.page.title, "Some report");
	assert_string_equal(facts.page.node, here.nodename);
	c.boot_id[0] = c.boot_id[0] == '0' ? '1' : '0';
	page_facts_fill(&facts, &q, &c);
	assert_null(facts.page.node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_shown_as_one_would_type_it),
		cmocka_unit_test(of_a_fleet_neither_user_nor_password_is_shown),
		cmocka_unit_test(notes_are_kept_as_far_as_there_is_room),
		cmocka_unit_test(the_node_is_named_when_the_history_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
