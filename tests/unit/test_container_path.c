#include "unit.h"

#include <string.h>

#include "container_path.h"

#define ID	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER	"fedcba98765432100123456789abcdef0123456789abcdef0123456789abcdef"
#define SHORT	"0123456789ab"
#define UID	"2d3da189-6407-48e3-9ab6-78188d75e609"
#define POD_UID "2d3da189_6407_48e3_9ab6_78188d75e609" /* as systemd wants it */
#define USER	"/user.slice/user-1000.slice/user@1000.service"

/* As runtimes have been seen to name them, in their sources and in the reports of users. */
static void each_runtime_is_recognised_by_its_cgroup(void **state)
{
	static const struct {
		const char *path, *runtime, *id, *name, *pod;
		unsigned int uid;
	} table[] = {
		/* docker: by systemd, by itself, rootless; in docker; what it makes below */
		{"/system.slice/docker-" ID ".scope", "docker", ID, SHORT, "", 0},
		{"/docker/" ID, "docker", ID, SHORT, "", 0},
		{USER "/user.slice/docker-" ID ".scope", "docker", ID, SHORT, "", 1000},
		{"/docker/" OTHER "/docker/" ID, "docker", ID, SHORT, "", 0},
		{"/system.slice/docker-" OTHER ".scope/docker/" ID, "docker", ID, SHORT, "", 0},
		{"/docker/" ID "/init.scope", "docker", ID, SHORT, "", 0},
		{"/system.slice/docker-" ID ".scope/system.slice/nginx.service", "docker", ID,
		 SHORT, "", 0},
		{"/system.slice:docker:" ID, "docker", ID, SHORT, "", 0},
		{"/actions_job/" ID, "oci", ID, SHORT, "", 0}, /* --cgroup-parent */

		/* Kubernetes: the pod's class, then the pod, then the container */
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_UID
		 ".slice/cri-containerd-" ID ".scope",
		 "containerd", ID, SHORT, UID, 0},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" POD_UID
		 ".slice/crio-" ID ".scope",
		 "crio", ID, SHORT, UID, 0},
		{"/kubepods.slice/kubepods-pod" POD_UID ".slice/crio-" ID ".scope/container",
		 "crio", ID, SHORT, UID, 0}, /* guaranteed; crun */
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_UID
		 ".slice/docker-" ID ".scope",
		 "docker", ID, SHORT, UID, 0},
		{"/kubepods/burstable/pod" UID "/" ID, "kubernetes", ID, SHORT, UID, 0},
		{"/kubepods/pod" UID "/" ID, "kubernetes", ID, SHORT, UID, 0},
		{"/kubepods/besteffort/pod" UID "/crio-" ID, "crio", ID, SHORT, UID, 0},
		{"/kubepods/besteffort/pode9b90526-f47d-11e8-b2a5-080027b9f4fb/"
		 "15aa6e53-b09a-40c7-8558-c6c31e36c88a",
		 "kubernetes", "15aa6e53-b09a-40c7-8558-c6c31e36c88a", "15aa6e53-b09",
		 "e9b90526-f47d-11e8-b2a5-080027b9f4fb", 0},
		/* a static pod: the digest of its manifest */
		{"/kubepods.slice/kubepods-burstable.slice/"
		 "kubepods-burstable-pod0b1c4ea97f5d1a3f3d9ec5ac4b4b8f5e.slice/cri-containerd-" ID
		 ".scope",
		 "containerd", ID, SHORT, "0b1c4ea97f5d1a3f3d9ec5ac4b4b8f5e", 0},
		/* kubelet leaves cgroups to systemd, containerd does not know it */
		{"/system.slice/containerd.service/kubepods-burstable-pod" POD_UID
		 ".slice:cri-containerd:" ID,
		 "containerd", ID, SHORT, UID, 0},
		/* kind: all that below a docker container; k3s in its own service */
		{"/system.slice/docker-" OTHER
		 ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
		 "kubelet-kubepods-burstable-pod" POD_UID ".slice/cri-containerd-" ID ".scope",
		 "containerd", ID, SHORT, UID, 0},
		{"/docker/" OTHER "/kubelet/kubepods/besteffort/pod" UID "/" ID, "kubernetes", ID,
		 SHORT, UID, 0},
		{"/docker/" ID "/kubelet.slice/kubelet.service", "docker", ID, SHORT, "", 0},
		{"/system.slice/k3s.service/kubepods/burstable/pod" UID "/" ID, "kubernetes", ID,
		 SHORT, UID, 0},
		/* docker in a pod */
		{"/kubepods/burstable/pod" UID "/" OTHER "/docker/" ID, "docker", ID, SHORT, UID,
		 0},

		/* podman: of root, of a user, in pods, by itself, as a unit of systemd */
		{"/machine.slice/libpod-" ID ".scope/container", "podman", ID, SHORT, "", 0},
		{"/machine.slice/libpod-" ID ".scope", "podman", ID, SHORT, "", 0},
		{USER "/user.slice/libpod-" ID ".scope/container", "podman", ID, SHORT, "", 1000},
		{"/machine.slice/machine-libpod_pod_" OTHER ".slice/libpod-" ID ".scope/container",
		 "podman", ID, SHORT, OTHER, 0},
		{USER "/user.slice/user-libpod_pod_" OTHER ".slice/libpod-" ID ".scope/container",
		 "podman", ID, SHORT, OTHER, 1000},
		{"/libpod_parent/libpod-" ID, "podman", ID, SHORT, "", 0},
		{"/libpod_parent/" OTHER "/libpod-" ID, "podman", ID, SHORT, OTHER, 0},
		{"/system.slice/nginx.service/libpod-payload-" ID, "podman", ID, SHORT, "", 0},
		{USER "/app.slice/redis.service/libpod-payload-" ID, "podman", ID, SHORT, "", 1000},

		/* nerdctl: by systemd, by containerd's namespace */
		{"/system.slice/nerdctl-" ID ".scope", "containerd", ID, SHORT, "", 0},
		{USER "/user.slice/nerdctl-" ID ".scope", "containerd", ID, SHORT, "", 1000},
		{"/default/" ID, "oci", ID, SHORT, "", 0},

		/* LXC, Incus and LXD; before LXC 4; before 3.2, and Proxmox */
		{"/lxc.payload.web", "lxc", "", "web", "", 0},
		{"/lxc.payload.web/system.slice/sshd.service", "lxc", "", "web", "", 0},
		{"/lxc.payload.project_web/.lxc", "lxc", "", "project_web", "", 0},
		{USER "/app.slice/lxc.payload.web", "lxc", "", "web", "", 1000},
		{"/lxc.payload/web", "lxc", "", "web", "", 0},
		{"/lxc/101/ns/init.scope", "lxc", "", "101", "", 0},
		{"/lxc.payload.web/docker/" ID, "docker", ID, SHORT, "", 0},

		/* systemd-nspawn: from a shell, by machinectl */
		{"/machine.slice/machine-deb\\x2d12.scope/payload", "nspawn", "", "deb-12", "", 0},
		{"/machine.slice/systemd-nspawn@db.service/payload", "nspawn", "", "db", "", 0},
		{"/machine.slice/systemd-nspawn@deb-12.service/payload/init.scope", "nspawn", "",
		 "deb-12", "", 0},
		{"/machine.slice/systemd-nspawn@deb\\x2d12.service", "nspawn", "", "deb-12", "", 0},
		{"/machine.slice/machine-lxc\\x2d4711\\x2dweb.scope", "lxc", "", "lxc-4711-web", "",
		 0}, /* libvirt */

		/* ECS: on EC2 by docker, Fargate 1.3 and 1.4 */
		{"/ecs/name-ecs-classic/5a0d5ceddf6c44c1928d367a815d890f/" ID, "ecs", ID, SHORT, "",
		 0},
		{"/ecstasks.slice/ecstasks-e95a40efbde84cbc8600660a109ec194.slice/docker-" ID
		 ".scope",
		 "docker", ID, SHORT, "", 0},
		{"/ecs/55091c13-b8cf-4801-b527-f4601742204d/" ID, "ecs", ID, SHORT, "", 0},
		{"/ecs/8cd79a803caf4d2aa945152e934a5c00/"
		 "8cd79a803caf4d2aa945152e934a5c00-1053176469",
		 "ecs", "8cd79a803caf4d2aa945152e934a5c00-1053176469", "8cd79a803caf", "", 0},

		/* Nomad: tasks of the exec drivers; those of docker are docker's */
		{"/nomad.slice/share.slice/" UID ".cache.scope", "nomad", UID, "cache", "", 0},
		{"/nomad.slice/reserve.slice/" UID ".my.task.scope", "nomad", UID, "my.task", "",
		 0},
		{"/nomad/" UID ".web", "nomad", UID, "web", "", 0},
		{"/nomad.slice/docker-" ID ".scope", "docker", ID, SHORT, "", 0},

		/* Cloud Foundry */
		{"/system.slice/garden.service/garden/" UID, "garden", UID, "2d3da189-640", "", 0},

		/* helpers of what runs in a container */
		{"/docker/" ID "/kubepods.slice/kubepods-pod" POD_UID ".slice/crio-conmon-" OTHER
		 ".scope",
		 "docker", ID, SHORT, "", 0},
		{"/lxc.payload.web/lxc.monitor.inner", "lxc", "", "web", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct container_facts facts;

		if (!container_path_parse(table[i].path, &facts))
			fail_msg("%s is no container", table[i].path);
		if (strcmp(facts.runtime, table[i].runtime) != 0 ||
		    strcmp(facts.id, table[i].id) != 0 || strcmp(facts.name, table[i].name) != 0 ||
		    strcmp(facts.pod, table[i].pod) != 0 || facts.uid != table[i].uid)
			fail_msg("%s: %s '%s' '%s' '%s' %u", table[i].path, facts.runtime, facts.id,
				 facts.name, facts.pod, facts.uid);
	}
}

static void what_is_no_container_is_none(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"//",
		"/init.scope",
		"/system.slice/nginx.service",
		"/system.slice/docker.service",
		"/system.slice/containerd.service",
		"/user.slice/user-1000.slice/session-3.scope",
		USER "/app.slice/app-firefox-" UID ".scope",
		USER "/user.slice/podman-239302.scope",
		USER "/app.slice/snap.firefox.firefox-" UID ".scope",
		"/system.slice/snap.lxd.daemon.service",
		"/system.slice/system-getty.slice/getty@tty1.service",

		/* a runtime's helpers */
		"/machine.slice/libpod-conmon-" ID ".scope",
		"/system.slice/crio-conmon-" ID ".scope",
		"/kubepods.slice/kubepods-pod" POD_UID ".slice/crio-conmon-" ID ".scope",
		"/kubepods/besteffort/pod" UID "/crio-conmon-" ID,
		"/libpod_parent/conmon",
		"/system.slice/nginx.service/runtime",
		"/lxc.monitor.web",
		"/lxc.monitor/web",
		"/lxc.pivot",
		"/machine.slice/systemd-nspawn@db.service/supervisor",
		"/machine.slice/machine-deb\\x2d12.scope/supervisor",

		/* a pod or a task, but none of its containers */
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_UID ".slice",
		"/kubepods/burstable/pod" UID,
		"/libpod_parent/" ID,
		"/machine.slice/machine-libpod_pod_" ID ".slice",
		"/ecs/55091c13-b8cf-4801-b527-f4601742204d",
		"/nomad.slice/share.slice",

		/* virtual machines */
		"/machine.slice/machine-qemu\\x2d1\\x2dwin10.scope/libvirt/emulator",

		/* almost */
		"/system.slice/docker-short.scope",
		"/system.slice/docker-.scope",
		"/system.slice/docker-" ID "f.scope",
		"/x" ID,
		"/nomad.slice/share.slice/" UID ".scope",
		"/nomad.slice/share.slice/" UID "..scope",
		"/" UID ".cache.scope",
		"/lxc.payload.",
		"/lxc",
		"/system.slice/lxc/web",
		"/machine.slice/machine-.scope",
		"/system.slice/machine-db.scope",
		"/" UID,
		"/a/../../..",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct container_facts facts;

		if (container_path_parse(paths[i], &facts))
			fail_msg("%s is %s '%s' '%s'", paths[i], facts.runtime, facts.id,
				 facts.name);
	}
}

static void no_id_is_taken_that_could_lead_a_path_astray(void **state)
{
	static const char *const paths[] = {
		"/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde.",
		"/docker/..................................................../../../../..",
		"/docker/0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
	};
	struct container_facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_false(container_path_parse(paths[i], &facts));
}

static void what_is_too_long_is_cut(void **state)
{
	struct container_facts facts;
	char path[4096] = "/lxc.payload.";

	(void)state;
	memset(path + strlen(path), 'x', 400);
	assert_true(container_path_parse(path, &facts));
	assert_int_equal(strlen(facts.name), CONTAINER_NAME_LEN);
	memset(path, '\0', sizeof(path));
	for (size_t i = 0; i + 3 < sizeof(path); i += 2)
		memcpy(path + i, "/x", 2);
	assert_false(container_path_parse(path, &facts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_runtime_is_recognised_by_its_cgroup),
		cmocka_unit_test(what_is_no_container_is_none),
		cmocka_unit_test(no_id_is_taken_that_could_lead_a_path_astray),
		cmocka_unit_test(what_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
