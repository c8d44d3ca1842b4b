# shellcheck shell=sh
# ./dev test: builds with each compiler and runs what there is. A part of dev, which reads it.
# shellcheck disable=SC2154 # lists of packages, and what dev found

passed=0
failed=0
skipped=0

# check WORDS COMMAND...: one passed or failed.
check() {
	if quietly "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
}

# junit ATTRIBUTE FILE: a number that ctest gives for the whole suite.
junit() {
	tr '\n\t' '  ' < "$2" | grep -o " $1=\"[0-9]*\"" | head -n 1 | tr -dc 0-9
}

# What failed with a real kernel or a server beneath is run once again, alone: a kernel may hide an
# event, and a busy machine hold up a process. What then passes is named at the end.
unsteady=
run_again() {
	again=$PWD/$folder/again.xml
	rm -f "$again"
	names=$(sed -n 's/^[0-9]*:\(\(node\.\|fleet\.\|unit\.forward\).*\)$/\1/p' \
		"$folder/Testing/Temporary/LastTestsFailed.log" | paste -s -d '|' -)
	[ -n "$names" ] || return 0
	ctest --test-dir "$folder" -R "^($names)\$" --output-junit "$again" --output-on-failure || true
	[ -e "$again" ] || return 0
	still=$(junit failures "$again")
	good=$(($(junit tests "$again") - still))
	[ "$good" = 0 ] || unsteady="$unsteady $good of $folder"
	bad=$((bad - good))
}

# run_tests FOLDER CTEST_OPTION...: adds to the sums; the output of what fails is shown.
run_tests() {
	folder=$1
	shift
	report=$PWD/$folder/tests.xml
	rm -f "$report"
	echo "dev: tests of $folder"
	ctest --test-dir "$folder" --output-junit "$report" --output-on-failure --no-tests=error \
		-j "$processors" "$@" || true
	if [ ! -e "$report" ]; then
		failed=$((failed + 1))
		return
	fi
	bad=$(junit failures "$report")
	[ "$bad" = 0 ] || run_again
	out=$(($(junit skipped "$report") + $(junit disabled "$report")))
	failed=$((failed + bad))
	skipped=$((skipped + out))
	passed=$((passed + $(junit tests "$report") - bad - out))
}

# build_and_test FOLDER CTEST_OPTION... -- CMAKE_OPTION...
build_and_test() {
	folder=$1
	shift
	ctest_options=
	while [ "$1" != -- ]; do
		ctest_options="$ctest_options $1"
		shift
	done
	shift
	if configure "$folder" "$@" && quietly "build $folder" cmake --build "$folder"; then
		# shellcheck disable=SC2086 # a list of options
		run_tests "$folder" $ctest_options
	else
		failed=$((failed + 1))
	fi
}

installs() {
	destination=$(mktemp -d)
	DESTDIR=$destination cmake --install "$1" &&
		"$(find "$destination" -name connmon-collect -type f -perm -u+x)" --version &&
		"$(find "$destination" -name connmon-query -type f -perm -u+x)" --version &&
		[ -n "$(find "$destination" -name connmon-collect.8)" ] &&
		[ -n "$(find "$destination" -name connmon-query.1)" ] &&
		[ -n "$(find "$destination" -path '*/share/connmon/grafana/connmon.json')" ] &&
		[ -n "$(find "$destination" -path '*/share/connmon/prometheus/connmon.rules.yml')" ] &&
		[ -n "$(find "$destination" -path '*/zsh/site-functions/_connmon-query')" ]
	result=$?
	rm -rf "$destination"
	return $result
}

builds_for() {
	cmake -S . -B "$2" -G Ninja "-DBPFTOOL=$bpftool" "-DCONNMON_BPF_ARCH=$1" -DCONNMON_TESTS=OFF &&
		cmake --build "$2" --target connmon_skel
}

# Debian's kernels that apt knows here.
debian_kernels() {
	# shellcheck disable=SC1091 # that of the system
	case $(. /etc/os-release && echo "$ID-${VERSION_ID:-}") in
	debian-12) echo 6.1 6.12 ;;
	debian-13) echo 6.12 ;;
	esac
}

# The node tests on them, and whether the arm64 object fits those of arm64.
test_other_kernels() {
	kernels=$(debian_kernels)
	if [ -z "$kernels" ]; then
		echo "dev: other kernels: left out; they are those of Debian 12 and 13, and this is neither"
		return
	fi
	# shellcheck disable=SC2086 # lists of names
	check "the fields of the arm64 object in arm64 kernels" \
		tests/vm/relocations.sh build-test-arm64/bpf/connmon.bpf.o $kernels
	if [ "$(uname -m)" != x86_64 ]; then
		echo "dev: other kernels: no tests on them, this boots those of x86_64 only"
		return
	fi
	# shellcheck disable=SC2086 # lists of names
	install $vm_packages
	echo "dev: tests on kernel $kernels"
	log=$(mktemp)
	# shellcheck disable=SC2086 # a list of versions
	tests/vm/vm.sh build-test-gcc $kernels | tee "$log"
	good=$(grep -c ': once again$' "$log" || true)
	[ "$good" = 0 ] || unsteady="$unsteady up to $good in QEMU"
	sum=$(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p')
	rm -f "$log"
	read -r good bad out <<-END
		${sum:-0 1 0}
	END
	passed=$((passed + good))
	failed=$((failed + bad))
	skipped=$((skipped + out))
}

# Ubuntu's chromium is a snap, which opens no files of a test.
without_browser=
install_browser() {
	if has_candidate chromium-driver; then
		# shellcheck disable=SC2086 # a list of names
		install $browser_packages
	else
		without_browser="|browser"
		echo "dev: browser tests: left out; apt-get has no chromium-driver here"
	fi
}

# Unpacked, as promtool is. Not in every Debian and Ubuntu.
without_fleet=
fetch_clickhouse() {
	if command -v clickhouse-server > /dev/null || [ -x build-clickhouse/usr/sbin/clickhouse-server ]; then return; fi
	if has_candidate clickhouse-server; then
		quietly "fetch clickhouse-server" tests/fleet/fetch.sh build-clickhouse
	else
		without_fleet="|fleet"
		echo "dev: fleet tests: left out; apt-get has no clickhouse-server here"
	fi
}

# 178 MB of npm's, which is no reason to install npm: Debian's brings hundreds of packages.
without_today=
fetch_today() {
	[ ! -e build-chdb/libchdb.so ] || return 0
	if [ "$(uname -m)" = x86_64 ] && command -v npm > /dev/null; then
		quietly "fetch today's ClickHouse" tests/fleet/fetch_today.sh build-chdb && return
	fi
	without_today="|today"
	echo "dev: today's ClickHouse: left out; its library is npm's for x86_64, and npm has it not or is not here"
}

run_all_tests() {
	need_root test
	install_for_building
	fetch_promtool
	# shellcheck disable=SC2086 # a list of names
	install $test_packages "libclang-rt-$(clang -dumpversion | cut -d . -f 1)-dev"

	install_browser
	fetch_clickhouse
	fetch_today
	build_and_test build-test-gcc -LE "hostile$without_browser$without_fleet$without_today" -- -DCMAKE_C_COMPILER=gcc
	build_and_test build-test-gcc-sanitized -LE "node|lint|thorough|browser|fault|fleet" -- \
		-DCMAKE_C_COMPILER=gcc -DCONNMON_SANITIZE=ON
	build_and_test build-test-clang -LE "node|lint|thorough|browser|fault|fleet" -- -DCMAKE_C_COMPILER=clang
	build_and_test build-test-clang-sanitized -LE "lint|browser|store|crowd|fleet" -- \
		-DCMAKE_C_COMPILER=clang -DCONNMON_SANITIZE=ON
	build_and_test build-test-query -LE "lint|thorough|browser|fleet" -- -DCMAKE_C_COMPILER=gcc -DCONNMON_BPF=OFF
	check "the BPF object for x86" builds_for x86 build-test-x86
	check "the BPF object for arm64" builds_for arm64 build-test-arm64
	check "installing build-test-gcc" installs build-test-gcc
	# shellcheck disable=SC2086 # a list of names
	install $package_packages
	check "the package, and what lintian says of it" makes_package
	check "the package, built elsewhere: the same bytes" is_reproducible
	test_other_kernels

	give_back build-*
	[ -z "$unsteady" ] || echo "dev: passed only when run again:$unsteady"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
