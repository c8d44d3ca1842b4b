# shellcheck shell=sh
# ./dev coverage: what the tests reach; ./dev mutants: what they notice. A part of dev, which
# reads it.
# shellcheck disable=SC2154 # lists of packages, and what dev found

install_for_testing() {
	install_for_building
	# shellcheck disable=SC2086 # a list of names
	install $test_packages "libclang-rt-$(clang -dumpversion | cut -d . -f 1)-dev"
}

coverage() {
	need_root coverage
	install_for_testing
	# %m: a file for each program; %c: its counters are that file while it runs, see
	# CMakeLists.txt.
	LLVM_PROFILE_FILE=$PWD/build-coverage/profiles/%m%c.profraw
	export LLVM_PROFILE_FILE
	configure build-coverage -DCMAKE_C_COMPILER=clang -DCONNMON_COVERAGE=ON
	quietly "build build-coverage" cmake --build build-coverage
	rm -rf build-coverage/profiles
	mkdir build-coverage/profiles
	own_profiles
	fetch_clickhouse
	run_tests build-coverage -LE "lint|browser|vm$without_fleet"
	unset LLVM_PROFILE_FILE
	tests/coverage/report.py build-coverage || failed=$((failed + 1))
	give_back build-coverage
	[ "$failed" = 0 ]
}

# Some programs run as other users: whoever comes first must not keep the rest out.
own_profiles() {
	for program in collector/connmon-collect query/connmon-query fleet/connmon-forward; do
		"build-coverage/$program" --version > build-coverage/version.txt
	done
	chmod -R a+rwX build-coverage/profiles
}

mutants() {
	need_root mutants
	install_for_testing
	tests/mutants/run.py "$1" "-DBPFTOOL=$bpftool" && code=0 || code=$?
	give_back build-mutants
	return "$code"
}
