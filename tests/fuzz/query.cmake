# The fuzz targets of connmon-query.
if(CONNMON_FUZZ)
	set(sources)
	foreach(library connmon_schema connmon_query)
		get_target_property(files ${library} SOURCES)
		get_target_property(folder ${library} SOURCE_DIR)
		foreach(file IN LISTS files)
			cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${folder})
			list(APPEND sources ${file})
		endforeach()
	endforeach()
	add_library(query_fuzzed STATIC EXCLUDE_FROM_ALL ${sources})
	add_dependencies(query_fuzzed connmon_query) # which generates some of them
	target_include_directories(query_fuzzed PUBLIC ${query} ${schema})
	target_compile_options(query_fuzzed PRIVATE -fsanitize=fuzzer-no-link -fsanitize=address,undefined
		-fno-sanitize-recover=all -U_FORTIFY_SOURCE)
	target_link_libraries(query_fuzzed PRIVATE connmon_flags
		PUBLIC PkgConfig::SQLITE PkgConfig::MD m)
	if(EDITLINE_FOUND)
		target_link_libraries(query_fuzzed PUBLIC PkgConfig::EDITLINE)
	endif()
endif()

# A history to ask, and the program that is asked, with a clock that stands still.
add_library(fuzz_history STATIC history.c)
target_include_directories(fuzz_history PRIVATE ${schema})
target_link_libraries(fuzz_history PRIVATE connmon_flags PkgConfig::SQLITE)
embed(fuzz_history fuzz_history ${CMAKE_SOURCE_DIR}/tests/golden/seed.sql
	${CMAKE_CURRENT_SOURCE_DIR}/totals.sql)
set(program program.c clean.c ${CMAKE_SOURCE_DIR}/tests/golden/fixed_clock.c)

# query_fuzz_test(<name> SOURCE...): as fuzz_test(), with all of connmon-query but its main.c.
function(query_fuzz_test name)
	fuzz_test(${name} ${ARGN})
	target_link_libraries(feed_${name} PRIVATE fuzz_history connmon_query)
	if(CONNMON_FUZZ)
		target_link_libraries(fuzz_${name} PRIVATE fuzz_history query_fuzzed)
	endif()
endfunction()

query_fuzz_test(times)
query_fuzz_test(values)
query_fuzz_test(addresses)
query_fuzz_test(arrange)
query_fuzz_test(header)
query_fuzz_test(cursor)
query_fuzz_test(formats check_html.c check_json.c check_separated.c sheet.c clean.c)
query_fuzz_test(question ${program})
query_fuzz_test(sql words.c ${program})
query_fuzz_test(prompt ${program})
query_fuzz_test(database sheet.c ${program})
set_tests_properties(fuzz.database PROPERTIES TIMEOUT 240) # a second, but for a machine that is busy
