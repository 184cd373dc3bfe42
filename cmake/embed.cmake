# sluice_embed(TARGET FILE...) makes a static library TARGET that holds the files' bytes. Its header is
# "embedded/TARGET.hpp" with
#     std::span<const common::EmbeddedFile> embedded::TARGET();
# A file is found by its name without the folder (common/http/embedded_file.hpp), so names are unique.
# The assembler reads the files (.incbin): no second copy of them as C++ text, however large they are.
function(sluice_embed target)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}_sources)
  set(assembly "")
  set(declarations "")
  set(entries "")
  set(index 0)
  foreach(file ${ARGN})
    get_filename_component(path ${file} ABSOLUTE)
    get_filename_component(name ${file} NAME)
    if(NOT EXISTS ${path})
      message(FATAL_ERROR "sluice_embed(${target}): there is no ${path}")
    endif()
    set(symbol ${target}_file_${index})
    string(APPEND assembly "asm(\".section .rodata\\n.balign 16\\n${symbol}:\\n.incbin \\\"${path}\\\"\\n"
                           "${symbol}_end:\\n.byte 0\\n.previous\\n\");\n")
    string(APPEND declarations "extern const char ${symbol} asm(\"${symbol}\");\n"
                               "extern const char ${symbol}_end asm(\"${symbol}_end\");\n")
    string(APPEND entries "    {\"${name}\", {&${symbol}, static_cast<std::size_t>(&${symbol}_end - &${symbol})}},\n")
    list(APPEND paths ${path})
    math(EXPR index "${index} + 1")
  endforeach()
  file(CONFIGURE OUTPUT ${folder}/embedded/${target}.hpp @ONLY CONTENT
"#pragma once

#include <span>

#include \"common/http/embedded_file.hpp\"

namespace embedded {
std::span<const common::EmbeddedFile> ${target}();
}
")
  file(CONFIGURE OUTPUT ${folder}/${target}.cpp @ONLY CONTENT
"#include \"embedded/${target}.hpp\"

#include <cstddef>

${assembly}
extern \"C\" {
${declarations}}

std::span<const common::EmbeddedFile> embedded::${target}() {
  static const common::EmbeddedFile files[] = {
${entries}  };
  return files;
}
")
  add_library(${target} STATIC ${folder}/${target}.cpp)
  set_source_files_properties(${folder}/${target}.cpp PROPERTIES OBJECT_DEPENDS "${paths}")
  target_include_directories(${target} PUBLIC ${folder})
  target_link_libraries(${target} PUBLIC sluice_flags)
endfunction()
