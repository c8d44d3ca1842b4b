# Before the package is made: what Debian has compressed, without a time or a name inside, so that
# the same source gives the same bytes.
file(GLOB_RECURSE files ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/man/man?/*
	${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/changelog.Debian)
execute_process(COMMAND gzip -9nf ${files} COMMAND_ERROR_IS_FATAL ANY)
