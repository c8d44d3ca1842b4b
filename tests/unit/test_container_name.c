/* The files of runtimes as they lie on disk, shortened, below a root of the test's. */
#include "unit.h"

#include <fcntl.h>

#include "container_name.h"
#include "tempdir.h"

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba98765432100123456789abcdef0123456789abcdef0123456789abcdef"
#define UID   "2d3da189-6407-48e3-9ab6-78188d75e609"
#define TASKS "io.containerd.runtime.v2.task"
#define LISTS "storage/overlay-containers/"

#define CRI_JSON                                                                                   \
	"{\"ociVersion\":\"1.1.0\",\"process\":{\"terminal\":false},\"annotations\":{"             \
	"\"io.kubernetes.cri.container-name\":\"proxy\","                                          \
	"\"io.kubernetes.cri.container-type\":\"container\","                                      \
	"\"io.kubernetes.cri.sandbox-name\":\"web-0\","                                            \
	"\"io.kubernetes.cri.sandbox-namespace\":\"shop\"}}"

static const struct sample {
	const char *file, *text;
	const char *in, *out; /* the runtime before and after */
	const char *name, *pod;
} samples[] = {
	{"/var/lib/docker/containers/" ID "/config.v2.json",
	 "{\"State\":{\"Running\":true},\"ID\":\"" ID "\",\"Name\":\"/web\","
	 "\"Config\":{\"Hostname\":\"x\",\"Labels\":{}}}",
	 "docker", "docker", "web", ""},
	{"/var/lib/docker/containers/" ID "/config.v2.json",
	 "{\"Name\":\"/web\",\"Config\":{\"Labels\":null}}", "oci", "docker", "web", ""},
	{"/var/lib/docker/containers/" ID "/config.v2.json",
	 "{\"Name\":\"/k8s_proxy_web-0_shop_" UID "_0\",\"Config\":{\"Labels\":{"
	 "\"io.kubernetes.container.name\":\"proxy\",\"io.kubernetes.pod.name\":\"web-0\","
	 "\"io.kubernetes.pod.namespace\":\"shop\",\"io.kubernetes.pod.uid\":\"" UID "\"}}}",
	 "kubernetes", "docker", "proxy", "shop/web-0"},
	{"/run/containerd/" TASKS "/k8s.io/" ID "/config.json", CRI_JSON, "containerd",
	 "containerd", "proxy", "shop/web-0"},
	{"/run/k3s/containerd/" TASKS "/k8s.io/" ID "/config.json", CRI_JSON, "kubernetes",
	 "containerd", "proxy", "shop/web-0"},
	/* the sandbox itself */
	{"/run/containerd/" TASKS "/k8s.io/" ID "/config.json",
	 "{\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\","
	 "\"io.kubernetes.cri.sandbox-name\":\"web-0\","
	 "\"io.kubernetes.cri.sandbox-namespace\":\"shop\"}}",
	 "containerd", "containerd", "0123456789ab", "shop/web-0"},
	{"/run/containerd/" TASKS "/default/" ID "/config.json",
	 "{\"annotations\":{\"nerdctl/name\":\"web\",\"nerdctl/namespace\":\"default\"}}", "oci",
	 "containerd", "web", ""},
	{"/run/containers/" LISTS ID "/userdata/config.json",
	 "{\"annotations\":{\"io.kubernetes.container.name\":\"proxy\","
	 "\"io.kubernetes.cri-o.ContainerName\":\"k8s_proxy_web-0_shop\","
	 "\"io.kubernetes.pod.name\":\"web-0\",\"io.kubernetes.pod.namespace\":\"shop\"}}",
	 "crio", "crio", "proxy", "shop/web-0"},
	{"/var/lib/containers/" LISTS ID "/userdata/config.json",
	 "{\"annotations\":{\"io.container.manager\":\"cri-o\","
	 "\"io.kubernetes.container.name\":\"coredns\"}}",
	 "crio", "crio", "coredns", ""},
	{"/var/lib/containers/" LISTS "containers.json",
	 "[{\"id\":\"" OTHER "\",\"names\":[\"db\"]},{\"id\":\"" ID "\",\"names\":[\"web\"],"
	 "\"image\":\"x\",\"metadata\":\"{}\"}]",
	 "podman", "podman", "web", ""},
	{"/var/lib/containers/" LISTS "volatile-containers.json",
	 "[{\"id\":\"" ID "\",\"names\":[\"web\"]}]", "podman", "podman", "web", ""},
};

static struct container_facts facts_of(const char *runtime, unsigned int uid)
{
	return (struct container_facts){.runtime = runtime,
					.id = ID,
					.name = "0123456789ab",
					.uid = uid};
}

static const char *below(void **state, const char *path)
{
	static char full[1024];

	snprintf(full, sizeof(full), "%s%s", (char *)*state, path);
	return full;
}

static bool look_up(void **state, struct container_facts *facts)
{
	struct name_reader *r = name_reader_new(*state);
	bool found;

	assert_non_null(r);
	found = name_reader_look_up(r, facts);
	name_reader_free(r);
	return found;
}

static void each_runtime_says_how_it_calls_a_container(void **state)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		struct container_facts facts = facts_of(s->in, 0);

		assert_false(look_up(state, &facts));
		assert_string_equal(facts.name, "0123456789ab");
		assert_string_equal(facts.runtime, s->in);

		tempdir_write(below(state, s->file), s->text);
		if (!look_up(state, &facts))
			fail_msg("%s", s->file);
		assert_string_equal(facts.runtime, s->out);
		assert_string_equal(facts.name, s->name);
		assert_string_equal(facts.pod, s->pod);

		/* Of another runtime nothing is believed. */
		facts = facts_of("nomad", 0);
		assert_false(look_up(state, &facts));
		assert_int_equal(unlink(below(state, s->file)), 0);
	}
}

static void a_users_containers_are_found_in_his_home(void **state)
{
	struct container_facts facts = facts_of("podman", 1000);
	const char *const file = "/home/ann/.local/share/containers/" LISTS "containers.json";

	tempdir_write(below(state, file), "[{\"id\":\"" ID "\",\"names\":[\"web\"]}]");
	assert_false(look_up(state, &facts)); /* who is 1000? */
	tempdir_write(below(state, "/etc/passwd"),
		      "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
	assert_true(look_up(state, &facts));
	assert_string_equal(facts.name, "web");
	facts = facts_of("podman", 1001);
	assert_false(look_up(state, &facts));

	/* A user leads nobody elsewhere. */
	tempdir_write(below(state, "/elsewhere/storage/overlay-containers/containers.json"),
		      "[{\"id\":\"" ID "\",\"names\":[\"secret\"]}]");
	assert_int_equal(unlink(below(state, file)), 0);
	assert_int_equal(
		rmdir(below(state, "/home/ann/.local/share/containers/storage/overlay-containers")),
		0);
	assert_int_equal(rmdir(below(state, "/home/ann/.local/share/containers/storage")), 0);
	assert_int_equal(rmdir(below(state, "/home/ann/.local/share/containers")), 0);
	assert_int_equal(symlink("../../../../elsewhere",
				 below(state, "/home/ann/.local/share/containers")),
			 0);
	facts = facts_of("podman", 1000);
	assert_int_equal(access(below(state, file), R_OK), 0);
	assert_false(look_up(state, &facts));
}

static void docker_of_a_user_is_found_too(void **state)
{
	struct container_facts facts = facts_of("docker", 1000);

	tempdir_write(below(state, "/etc/passwd"), "ann:x:1000:1000::/home/ann:/bin/sh\n");
	tempdir_write(below(state,
			    "/home/ann/.local/share/docker/containers/" ID "/config.v2.json"),
		      "{\"Name\":\"/web\"}");
	assert_true(look_up(state, &facts));
	assert_string_equal(facts.name, "web");
}

static const char config[] = "/var/lib/docker/containers/" ID "/config.v2.json";

static void what_is_no_json_of_theirs_names_nothing(void **state)
{
	static const char *const texts[] = {
		"",	    "{",  "\"web\"",	      "[1,2]", "{\"Name\":null}", "{\"Name\":\"\"}",
		"\xff\xfe", "{}", "{\"Name\":\"/\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct container_facts facts = facts_of("docker", 0);

		tempdir_write(below(state, config), texts[i]);
		look_up(state, &facts);
		assert_string_equal(facts.name, "0123456789ab");
		assert_string_equal(facts.pod, "");
	}
}

static void what_is_no_small_file_is_not_read(void **state)
{
	struct container_facts facts = facts_of("docker", 0);
	struct stat st;
	FILE *f;

	/* A pipe: opening it must not wait either. */
	tempdir_make(below(state, config));
	assert_int_equal(mkfifo(below(state, config), 0600), 0);
	assert_false(look_up(state, &facts));
	assert_int_equal(unlink(below(state, config)), 0);

	/* A link to the right thing. */
	tempdir_write(below(state, "/real"), "{\"Name\":\"/web\"}");
	assert_int_equal(symlink("/real", below(state, config)), 0);
	assert_false(look_up(state, &facts));
	assert_int_equal(unlink(below(state, config)), 0);

	/* A folder. */
	assert_int_equal(mkdir(below(state, config), 0700), 0);
	assert_false(look_up(state, &facts));
	assert_int_equal(rmdir(below(state, config)), 0);

	/* More than 1 MiB. */
	tempdir_write(below(state, config), "{\"Name\":\"/web\",\"x\":\"");
	f = fopen(below(state, config), "a");
	assert_non_null(f);
	for (int i = 0; i < 1 << 20; i++)
		putc('x', f);
	fputs("\"}", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(stat(below(state, config), &st), 0);
	assert_true(st.st_size > 1 << 20);
	assert_false(look_up(state, &facts));

	tempdir_write(below(state, config), "{\"Name\":\"/web\"}");
	assert_true(look_up(state, &facts));
}

static void hostile_json_does_no_harm(void **state)
{
	struct container_facts facts = facts_of("docker", 0);
	FILE *f;

	tempdir_write(below(state, config), "{\"Name\":\"/");
	f = fopen(below(state, config), "a");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("\\u0007\xc3\xa4", f);
	fputs("\"}", f);
	assert_int_equal(fclose(f), 0);
	assert_true(look_up(state, &facts));
	assert_int_equal(strlen(facts.name),
			 CONTAINER_NAME_LEN); /* to be escaped by who keeps it */

	facts = facts_of("docker", 0);
	f = fopen(below(state, config), "w");
	assert_non_null(f);
	for (int i = 0; i < 500000; i++)
		putc('[', f);
	assert_int_equal(fclose(f), 0);
	assert_false(look_up(state, &facts));
}

static void without_an_id_or_a_reader_nothing_is_looked_up(void **state)
{
	struct container_facts facts = {.runtime = "lxc", .name = "web"};

	assert_false(look_up(state, &facts));
	facts = facts_of("docker", 0);
	assert_false(name_reader_look_up(NULL, &facts));
	name_reader_free(NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, tempdir_setup, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_runtime_says_how_it_calls_a_container),
		T(a_users_containers_are_found_in_his_home),
		T(docker_of_a_user_is_found_too),
		T(what_is_no_json_of_theirs_names_nothing),
		T(what_is_no_small_file_is_not_read),
		T(hostile_json_does_no_harm),
		T(without_an_id_or_a_reader_nothing_is_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
