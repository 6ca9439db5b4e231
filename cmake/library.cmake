# The libraries of the engine: one per folder, each in two builds.
#
#   shardlog_<name>       the product
#   shardlog_<name>_sim   the same sources with audit() and pitfall() compiled in, for programs
#                         that run in the simulator
#
# A library names the layers below it, but never an implementation of engine/io: the program
# chooses one, at the end of its link line (shardlog_link).

# Includes the folder's CMakeLists.txt if it has one.
function(shardlog_folder folder)
    if(EXISTS ${CMAKE_SOURCE_DIR}/${folder}/CMakeLists.txt)
        add_subdirectory(${CMAKE_SOURCE_DIR}/${folder} ${CMAKE_BINARY_DIR}/${folder})
    endif()
endfunction()

# shardlog_variant(target SOURCES... ): one static library, or an empty name if it has no sources
# yet.
function(shardlog_variant target)
    if(ARGN)
        add_library(${target} STATIC ${ARGN})
        set_property(GLOBAL APPEND PROPERTY SHARDLOG_LIBRARIES ${target})
    else()
        add_library(${target} INTERFACE)
    endif()
endfunction()

# shardlog_needs(target libs...): link interface of a library, whether or not it has sources.
function(shardlog_needs target)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "INTERFACE_LIBRARY")
        target_link_libraries(${target} INTERFACE ${ARGN})
    else()
        target_link_libraries(${target} PUBLIC ${ARGN})
    endif()
endfunction()

function(shardlog_make_sim target)
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
        target_compile_definitions(${target} PRIVATE SHARDLOG_AUDIT=1 SHARDLOG_PITFALLS=1)
    endif()
endfunction()

# shardlog_library(name [SOURCES files...] [LAYERS names...] [LIBS targets...])
#   SOURCES  default: every .c of the folder
#   LAYERS   libraries of ours below this one, by short name; _sim links with _sim
#   LIBS     anything else
function(shardlog_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LAYERS;LIBS")
    if(NOT arg_SOURCES)
        file(GLOB arg_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    endif()
    shardlog_variant(shardlog_${name} ${arg_SOURCES})
    shardlog_variant(shardlog_${name}_sim ${arg_SOURCES})
    shardlog_make_sim(shardlog_${name}_sim)
    foreach(layer ${arg_LAYERS})
        shardlog_needs(shardlog_${name} shardlog_${layer})
        shardlog_needs(shardlog_${name}_sim shardlog_${layer}_sim)
    endforeach()
    if(arg_LIBS)
        shardlog_needs(shardlog_${name} ${arg_LIBS})
        shardlog_needs(shardlog_${name}_sim ${arg_LIBS})
    endif()
endfunction()
