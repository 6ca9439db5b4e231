# What the product needs, all of it from Debian 12, found through pkg-config.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(shardlog_depend name module package)
    pkg_check_modules(${name} IMPORTED_TARGET ${module})
    if(NOT ${name}_FOUND)
        message(FATAL_ERROR "${module} is missing: install ${package}, or run scripts/setup")
    endif()
endfunction()

shardlog_depend(liburing liburing liburing-dev)
shardlog_depend(libisal libisal libisal-dev)
shardlog_depend(zlib zlib zlib1g-dev)
shardlog_depend(snappy snappy libsnappy-dev)
shardlog_depend(lz4 liblz4 liblz4-dev)
shardlog_depend(zstd libzstd libzstd-dev)

# Programs of ours may use jemalloc; the library never does: the caller's malloc stays the
# caller's. Sanitizers bring their own.
add_library(shardlog_malloc INTERFACE)
if(NOT SHARDLOG_SANITIZE AND NOT SHARDLOG_FUZZ)
    shardlog_depend(jemalloc jemalloc libjemalloc-dev)
    target_link_libraries(shardlog_malloc INTERFACE PkgConfig::jemalloc)
endif()
