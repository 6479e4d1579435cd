# A package for Debian: cpack -G DEB --config build/release/CPackConfig.cmake. What it needs of the system is what its programs are
# linked with (dpkg-shlibdeps).
include(GNUInstallDirs)
install(TARGETS carillon carillon-bus carillon-bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docker/systemd/carillon.service DESTINATION lib/systemd/system)
install(FILES docker/systemd/carillon.toml DESTINATION /etc/carillon)
install(FILES README.md CHANGELOG.md docs/configuration.md docs/operations.md docs/channels.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

set(CPACK_PACKAGE_NAME carillon)
set(CPACK_PACKAGE_CONTACT "The Carillon developers <carillon@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Notification gateway: WebSocket for many silent clients")
set(CPACK_PACKAGE_DESCRIPTION "Carillon keeps a WebSocket open for everybody who wants to be told, and tells them.
 An idle connection costs 64 bytes, so that a million of them fit into one process.")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON) # for what is in /etc
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
foreach(script postinst prerm postrm conffiles)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/docker/systemd/${script})
endforeach()
set(CPACK_INSTALL_PREFIX /usr)
include(CPack)
