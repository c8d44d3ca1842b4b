#include "unit.h"

#include "container.h"
#include "tempdir.h"

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SCOPE "/system.slice/docker-" ID ".scope"

static void the_root_cgroup_is_no_entry_and_an_unknown_one_has_no_path(void **state)
{
	struct containers cs;
	struct container *c;

	(void)state;
	containers_init(&cs);
	assert_null(containers_get(&cs, 0));
	assert_null(containers_get(&cs, ROOT_CGROUP_ID));
	c = containers_get(&cs, 0xfffffffffffULL);
	assert_non_null(c);
	assert_string_equal(c->path, "");
	assert_string_equal(c->name, "");
	assert_null(c->runtime);
	c->row = 4;
	assert_ptr_equal(containers_get(&cs, 0xfffffffffffULL), c);
	containers_forget_rows(&cs);
	assert_int_equal(c->row, 0);
	containers_clear(&cs);
}

static void a_container_that_is_gone_keeps_the_name_it_had(void **state)
{
	struct containers cs = {.cgroups.mount_fd = -1, .names = name_reader_new(*state)};
	struct container *c;
	char file[256];

	snprintf(file, sizeof(file), "%s/var/lib/docker/containers/" ID "/config.v2.json",
		 (char *)*state);
	tempdir_write(file, "{\"Name\":\"/web\\u001b[31m\"}");
	containers_changed(&cs, 77, true, SCOPE);
	assert_int_equal(unlink(file), 0);
	containers_changed(&cs, 77, false, SCOPE);
	c = containers_get(&cs, 77);
	assert_non_null(c);
	assert_string_equal(c->path, SCOPE);
	assert_string_equal(c->runtime, "docker");
	assert_string_equal(c->id, ID);
	assert_string_equal(c->name, "web\\x1b[31m"); /* and cannot disturb a terminal */
	assert_string_equal(c->pod, "");
	containers_clear(&cs);
}

static void a_container_without_a_name_is_called_by_its_id(void **state)
{
	struct containers cs = {.cgroups.mount_fd = -1, .names = name_reader_new(*state)};
	struct container *c;

	containers_changed(&cs, 77, true, SCOPE);
	c = containers_get(&cs, 77);
	assert_non_null(c);
	assert_string_equal(c->name, "0123456789ab");
	containers_changed(&cs, 78, true, "/system.slice/nginx.service");
	c = containers_get(&cs, 78);
	assert_non_null(c);
	assert_string_equal(c->path, "/system.slice/nginx.service");
	assert_string_equal(c->name, "");
	assert_null(c->runtime);
	containers_clear(&cs);
}

static void a_path_that_is_told_late_is_taken_up(void **state)
{
	struct containers cs = {.cgroups.mount_fd = -1};

	(void)state;
	assert_string_equal(containers_get(&cs, 77)->path, "");
	containers_changed(&cs, 77, false, SCOPE);
	assert_string_equal(containers_get(&cs, 77)->path, SCOPE);
	assert_string_equal(containers_get(&cs, 77)->name, "0123456789ab");
	containers_clear(&cs);
}

static void many_containers_are_bounded(void **state)
{
	struct containers cs = {.cgroups.mount_fd = -1};

	(void)state;
	for (uint64_t id = 2; id < 10000; id++)
		containers_changed(&cs, id, true, SCOPE);
	assert_int_equal(HASH_COUNT(cs.table), 4096);
	assert_string_equal(containers_get(&cs, 2)->path, SCOPE); /* from its path, once more */
	assert_int_equal(HASH_COUNT(cs.table), 4096);
	containers_clear(&cs);
}

#define T(name) cmocka_unit_test_setup_teardown(name, tempdir_setup, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_root_cgroup_is_no_entry_and_an_unknown_one_has_no_path),
		T(a_container_that_is_gone_keeps_the_name_it_had),
		T(a_container_without_a_name_is_called_by_its_id),
		cmocka_unit_test(a_path_that_is_told_late_is_taken_up),
		cmocka_unit_test(many_containers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
