# carillon_room(NAME [DEPENDS room...] [LIBRARIES target...] [PRECOMPILE header...])
#
# One room of the house: the static library carillon_NAME made of every .cpp in lib/NAME, with the alias carillon::NAME.
# Headers are included as "NAME/header.hpp". DEPENDS is all that the room may include; tests/house compares it with what
# the room does include, and with the floors of docs/architecture.md.
# PRECOMPILE: headers of the room that nearly all of its files include, and that take longer to read than those files; they are
# read once.
function(carillon_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "DEPENDS;LIBRARIES;PRECOMPILE")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.hpp)
  if(sources)
    add_library(carillon_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(carillon_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(carillon::${name} ALIAS carillon_${name})
  target_include_directories(carillon_${name} ${scope} ${PROJECT_SOURCE_DIR}/lib)
  list(TRANSFORM room_DEPENDS PREPEND carillon::)
  target_link_libraries(carillon_${name} ${scope} ${room_DEPENDS} ${room_LIBRARIES} carillon_options)
  if(room_PRECOMPILE)
    list(TRANSFORM room_PRECOMPILE PREPEND ${PROJECT_SOURCE_DIR}/lib/)
    target_precompile_headers(carillon_${name} PRIVATE ${room_PRECOMPILE})
  endif()
  # Every header compiles alone: cmake --build . --target all_verify_interface_header_sets
  target_sources(carillon_${name} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/lib FILES ${headers})
  set_property(TARGET carillon_${name} PROPERTY VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()
