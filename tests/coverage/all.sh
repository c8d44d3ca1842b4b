# shellcheck shell=sh
# ./dev coverage: what the tests reach. A part of dev, which reads it.
# shellcheck disable=SC2154 # lists of packages, and what dev found

coverage() {
	need_root coverage
	install_for_building
	# shellcheck disable=SC2086 # a list of names
	install $test_packages "libclang-rt-$(clang -dumpversion | cut -d . -f 1)-dev"
	# %m: one file for each program; %c: its counters are that file while it runs, see
	# CMakeLists.txt. Some programs run as other users.
	LLVM_PROFILE_FILE=$PWD/build-coverage/profiles/%m%c.profraw
	export LLVM_PROFILE_FILE
	configure build-coverage -DCMAKE_C_COMPILER=clang -DCONNMON_COVERAGE=ON
	quietly "build build-coverage" cmake --build build-coverage
	rm -rf build-coverage/profiles
	mkdir -m 1777 build-coverage/profiles
	run_tests build-coverage -LE "lint|browser|vm"
	unset LLVM_PROFILE_FILE
	tests/coverage/report.py build-coverage && code=0 || code=1
	give_back build-coverage
	[ "$failed" = 0 ] && [ "$code" = 0 ]
}
