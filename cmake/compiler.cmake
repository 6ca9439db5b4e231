# One language, one set of warnings, one place for sanitizers.

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# check() is not assert(): no build type removes it, so NDEBUG has nothing to say here.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g3")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g3")

add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64)
# Frame pointers: profilers see whole stacks, at a cost within noise.
add_compile_options(-fno-omit-frame-pointer)
# __FILE__ is relative to the root, wherever the tree lies: messages and probe names are stable.
add_compile_options("-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=")
include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)

add_compile_options(-Wall -Wextra -Wshadow -Wpointer-arith -Wvla -Wundef
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
if(SHARDLOG_WERROR)
    add_compile_options(-Werror)
endif()
if(SHARDLOG_AUDIT)
    add_compile_definitions(SHARDLOG_AUDIT=1)
endif()

if(SHARDLOG_SANITIZE)
    add_compile_options(-fsanitize=${SHARDLOG_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SHARDLOG_SANITIZE})
    add_compile_definitions(SHARDLOG_SANITIZED=1)
endif()
if(SHARDLOG_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "SHARDLOG_FUZZ needs clang: use the preset 'fuzz', or CC=clang-19")
    endif()
    # Coverage of what looks at strangers' bytes, and of nothing that runs behind it: its edges are no
    # sign of new inputs, and half of the time of a harness that asks a whole broker. The fuzzing main
    # only where a harness asks for it.
    add_compile_options(-fsanitize=fuzzer-no-link
        -fsanitize-coverage-ignorelist=${CMAKE_SOURCE_DIR}/cmake/fuzz-ignore.txt)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()
