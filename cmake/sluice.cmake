# Flags and target helpers shared by every folder.

add_library(sluice_flags INTERFACE)
target_compile_features(sluice_flags INTERFACE cxx_std_20)
target_include_directories(sluice_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror
  -fstack-protector-strong
  # The same bytes wherever the sources lie (tests/hardening/reproducible).
  -ffile-prefix-map=${CMAKE_BINARY_DIR}=build -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
  # IEEE arithmetic as written: the autoscaler's vectors depend on it (contract kpa.md, head).
  -ffp-contract=off)
target_compile_definitions(sluice_flags INTERFACE
  _GLIBCXX_ASSERTIONS
  SLUICE_VERSION="${PROJECT_VERSION}")
target_link_options(sluice_flags INTERFACE -fuse-ld=lld -Wl,-z,relro,-z,now)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")  # CHECK and assertions of the library stay on
  target_compile_options(sluice_flags INTERFACE -ffunction-sections -fdata-sections)
  # Relocations packed, as glibc 2.36 and later read them: half a megabyte less of each program.
  target_link_options(sluice_flags INTERFACE -Wl,--gc-sections -Wl,-z,pack-relative-relocs)
endif()
if(SLUICE_FUZZ)
  set(SLUICE_SANITIZE ON)
  target_compile_options(sluice_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(SLUICE_SANITIZE)
  target_compile_options(sluice_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sluice_flags INTERFACE -fsanitize=address,undefined)
  # Asio's frame cache would hide a use of a dead coroutine frame from ASan.
  target_compile_definitions(sluice_flags INTERFACE BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
endif()

# sluice_library(NAME <lib>... ) makes a static library of the current folder's named globs.
#   sluice_library(common_core GLOBS core/*.cpp LINKS ...)
# A library of headers only is allowed (no .cpp matches).
function(sluice_library name)
  cmake_parse_arguments(ARG "" "" "GLOBS;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${ARG_GLOBS})
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC sluice_flags ${ARG_LINKS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE sluice_flags ${ARG_LINKS})
  endif()
endfunction()

# sluice_tests(NAME GLOBS <globs> LINKS <libs>) makes one Catch2 program and registers each test case with ctest.
function(sluice_tests name)
  cmake_parse_arguments(ARG "" "" "GLOBS;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${ARG_GLOBS})
  if(sources)
    add_executable(${name} ${sources})
    target_link_libraries(${name} PRIVATE test_support ${ARG_LINKS})
    add_test(NAME ${name} COMMAND ${name})
  endif()
endfunction()
