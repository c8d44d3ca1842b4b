#include "unit.h"

#include "container.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void each_runtime_is_recognised_by_its_cgroup(void **state)
{
	static const struct {
		const char *path, *runtime, *name;
	} table[] = {
		{"/system.slice/docker-" ID ".scope", "docker", "0123456789ab"},
		{"/docker/" ID, "docker", "0123456789ab"},
		{"/docker/" ID "/init.scope", "docker", "0123456789ab"},
		{"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", "containerd",
		 "0123456789ab"},
		{"/kubepods/burstable/pod1/" ID, "kubernetes", "0123456789ab"},
		{"/machine.slice/libpod-" ID ".scope/container", "podman", "0123456789ab"},
		{"/kubepods.slice/crio-" ID ".scope", "crio", "0123456789ab"},
		{"/lxc.payload.web", "lxc", "web"},
		{"/machine.slice/systemd-nspawn@db.service/payload", "nspawn", "db"},
		{"/machine.slice/systemd-nspawn@deb\\x2d12.service", "nspawn", "deb\\x2d12"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char name[CONTAINER_NAME_LEN + 1] = "";
		const char *runtime = NULL;

		if (!container_parse(table[i].path, &runtime, name))
			fail_msg("%s", table[i].path);
		assert_string_equal(runtime, table[i].runtime);
		assert_string_equal(name, table[i].name);
	}
}

static void what_is_no_container_has_no_name(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"/system.slice/nginx.service",
		"/user.slice/user-1000.slice/session-3.scope",
		"/system.slice/docker-short.scope",
		"/system.slice/docker-.scope",
		("/system.slice/docker-" ID "f.scope"),
		"/x" ID,
		"//",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char name[CONTAINER_NAME_LEN + 1] = "";
		const char *runtime = NULL;

		if (container_parse(paths[i], &runtime, name))
			fail_msg("%s is %s %s", paths[i], runtime, name);
	}
}

static void the_root_cgroup_is_no_entry_and_a_gone_one_has_no_path(void **state)
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
	assert_null(c->runtime);
	c->row = 4;
	assert_ptr_equal(containers_get(&cs, 0xfffffffffffULL), c);
	containers_forget_rows(&cs);
	assert_int_equal(c->row, 0);
	containers_clear(&cs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_runtime_is_recognised_by_its_cgroup),
		cmocka_unit_test(what_is_no_container_has_no_name),
		cmocka_unit_test(the_root_cgroup_is_no_entry_and_a_gone_one_has_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
