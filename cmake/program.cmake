# Programs: which engine they link, and which tests ctest runs.

set(SHARDLOG_ENGINE serve coord shard log) # top down: the order of the link line

# shardlog_link(target KERNEL|PLAIN|SIM [layers...]): the engine, or only the named layers of it
# and what is below them, over one implementation of engine/io. `base` alone links just that.
function(shardlog_link target io)
    set(layers ${ARGN})
    if(NOT layers)
        set(layers ${SHARDLOG_ENGINE})
    endif()
    if(io STREQUAL "KERNEL")
        set(suffix "")
        set(door shardlog_io)
    elseif(io STREQUAL "PLAIN")
        set(suffix "")
        set(door shardlog_io_plain)
    elseif(io STREQUAL "SIM")
        set(suffix "_sim")
        set(door shardlog_io_sim)
        target_compile_definitions(${target} PRIVATE SHARDLOG_AUDIT=1 SHARDLOG_PITFALLS=1)
    else()
        message(FATAL_ERROR "shardlog_link(${target} ${io}): KERNEL, PLAIN or SIM")
    endif()
    foreach(layer ${layers})
        if(TARGET shardlog_${layer}${suffix})
            target_link_libraries(${target} PRIVATE shardlog_${layer}${suffix})
        endif()
    endforeach()
    target_link_libraries(${target} PRIVATE ${door} shardlog_base${suffix} Threads::Threads)
endfunction()

# shardlog_program(name KERNEL|PLAIN|SIM SOURCES...): a program of tools/ or bench/.
function(shardlog_program name io)
    add_executable(${name} ${ARGN})
    shardlog_link(${name} ${io})
    target_link_libraries(${name} PRIVATE shardlog_malloc)
endfunction()

# shardlog_ctest(name COMMAND words... [LABELS words...] [TIMEOUT s] [ENV k=v...])
#   LABELS   quick (default): part of `scripts/test --quick`; long: not.
#            threads: also run under the thread sanitizer.
function(shardlog_ctest name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND;LABELS;ENV")
    if(NOT "quick" IN_LIST arg_LABELS AND NOT "long" IN_LIST arg_LABELS)
        list(APPEND arg_LABELS quick)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
        if("long" IN_LIST arg_LABELS)
            set(arg_TIMEOUT 900)
        endif()
    endif()
    if(SHARDLOG_SANITIZE) # what takes several times as long may take several times as long
        math(EXPR arg_TIMEOUT "3 * ${arg_TIMEOUT}")
    endif()
    set(env "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
        "UBSAN_OPTIONS=print_stacktrace=1"
        "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp")
    add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
        ENVIRONMENT "${env};${arg_ENV}" SKIP_RETURN_CODE 77)
endfunction()

# shardlog_test(name [ENGINE KERNEL|PLAIN|SIM [layers...]] SOURCES files... [LIBS targets...]
#               [LABELS ...] [ARGS ...] [TIMEOUT s]): a program of TEST cases over tests/test.h, run
#               by ctest.
function(shardlog_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "ENGINE;SOURCES;LIBS;LABELS;ARGS")
    add_executable(${name} ${arg_SOURCES} ${CMAKE_SOURCE_DIR}/tests/test.c)
    if(arg_ENGINE)
        shardlog_link(${name} ${arg_ENGINE})
    endif()
    target_link_libraries(${name} PRIVATE ${arg_LIBS})
    set(timeout "")
    if(arg_TIMEOUT)
        set(timeout TIMEOUT ${arg_TIMEOUT})
    endif()
    shardlog_ctest(${name} COMMAND ${name} ${arg_ARGS} LABELS ${arg_LABELS} ${timeout})
endfunction()
