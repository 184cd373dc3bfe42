# Flags and target helpers shared by every folder.

add_library(sluice_flags INTERFACE)
target_compile_features(sluice_flags INTERFACE cxx_std_20)
target_include_directories(sluice_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror
  -fstack-protector-strong
  # The same bytes wherever the sources lie (tests/hardening/reproducible). The last one that fits counts.
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build
  # IEEE arithmetic as written: the autoscaler's vectors depend on it (contract kpa.md, head).
  -ffp-contract=off)
target_compile_definitions(sluice_flags INTERFACE
  _GLIBCXX_ASSERTIONS
  SLUICE_VERSION="${PROJECT_VERSION}")
target_link_options(sluice_flags INTERFACE -fuse-ld=lld -Wl,-z,relro,-z,now)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# A ccache with a base directory hands the compiler paths from the build folder; they get the same names.
file(RELATIVE_PATH sources_from_build ${CMAKE_BINARY_DIR} ${PROJECT_SOURCE_DIR})
string(REGEX REPLACE "/$" "" sources_from_build "${sources_from_build}")
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT SLUICE_FUZZ AND sources_from_build)
  target_compile_options(sluice_flags INTERFACE
    -ffile-prefix-map=${sources_from_build}=. -ffile-prefix-map=objects=build/objects)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")  # CHECK and assertions of the library stay on
  target_compile_options(sluice_flags INTERFACE -ffunction-sections -fdata-sections)
  # Relocations packed, as glibc 2.36 and later read them: half a megabyte less of each program.
  target_link_options(sluice_flags INTERFACE -Wl,--gc-sections -Wl,-z,pack-relative-relocs
    # What the profile calls hot lies together, and what never runs elsewhere: fewer pages are touched.
    -Wl,-z,keep-text-section-prefix)
endif()

# The profile of the compiler (bench/README.md, "The compiler's profile"): which way the product went, and how often. Of
# the product's folders only; those who link them decide nothing. What changed since has no profile until it is made anew,
# and is then compiled as ever: that is no reason to warn.
set(SLUICE_PROFILE use CACHE STRING "use: compile with bench/product.profdata; make: programs that write one; none")
set(SLUICE_PRODUCT_OPTIONS "")
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT SLUICE_FUZZ AND NOT SLUICE_SANITIZE)
  # A static function is told from its namesakes by its file's name, not by where the checkout lies.
  set(names_without_folder "SHELL:-mllvm -static-func-full-module-prefix=false")
  set(profile ${PROJECT_SOURCE_DIR}/bench/product.profdata)
  if(SLUICE_PROFILE STREQUAL "make")
    set(SLUICE_PRODUCT_OPTIONS -fprofile-generate ${names_without_folder})
    target_link_options(sluice_flags INTERFACE -fprofile-generate)
  elseif(SLUICE_PROFILE STREQUAL "use" AND CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND
         CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 19)
    # The definition has no reader: with another profile all commands are others, so that all is compiled anew.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${profile})
    file(SHA256 ${profile} profile_hash)
    # Relative to where Ninja runs the compiler: ccache shares no results between folders that are part of this option.
    file(RELATIVE_PATH profile ${CMAKE_BINARY_DIR} ${profile})
    set(SLUICE_PRODUCT_OPTIONS -fprofile-use=${profile} ${names_without_folder} -DSLUICE_PROFILE_HASH=${profile_hash}
      -Wno-backend-plugin -Wno-profile-instr-out-of-date -Wno-profile-instr-unprofiled)
  endif()
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
