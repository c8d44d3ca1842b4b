# Before the package is made: what Debian has compressed, without a time or a name inside, so that
# the same source gives the same bytes.
set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX}/share)
file(GLOB files ${share}/man/man*/* ${share}/doc/connmon/changelog.Debian)
execute_process(COMMAND gzip -9nf ${files} COMMAND_ERROR_IS_FATAL ANY)
