# odd.sh -- inputs that a careless program mangles; sourced after demo.sh.
#
#   odd_inputs TO   fills directory TO with them, and some MB of ordinary lines

odd_inputs() {
    local to=$1
    mkdir -p "$to/deep/er"
    : >"$to/empty"
    printf '\n' >"$to/one newline"
    printf 'no newline at the end' >"$to/open end"
    printf 'carriage\r\nreturn\r\n\r\nand\rone alone\r\n' >"$to/crlf"
    printf 'nul \0 inside\n\0\n\0\0\0' >"$to/nul"
    printf 'invalid \xff\xfe UTF-8 \xc3\x28\n\x80\n' >"$to/"$'name \xff\xfe\twith\nodd bytes'
    printf 'x\n' >"$to/-starts-with-a-dash"
    printf '\n\n\n\n' >"$to/deep/er/empty lines"
    head -c 2097151 /dev/zero | tr '\0' 'L' >"$to/deep/line of 2 MiB"
    printf '\nafter it\n' >>"$to/deep/line of 2 MiB"
    head -c 9437184 /dev/zero >"$to/deep/no line at all, 9 MiB"
    head -c 300000 /dev/urandom >"$to/deep/random"
    seq -f 'line %g of an ordinary file, as there are many' 60000 >"$to/ordinary"
    for i in $(seq 300); do
        echo "file $i" >"$to/deep/er/small $i"
    done
    ln -s /etc/passwd "$to/symbolic link"
    mkfifo "$to/pipe"
}
