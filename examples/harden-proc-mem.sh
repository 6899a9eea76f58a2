# Can a process write to its own read-only memory through /proc/PID/mem?
#
# kintsugi test calls this in the virtual machine with before, after or
# reverted, and goes by its exit status.

read -r range rights rest < /proc/$$/maps # the first page of this shell's program
address=$((0x${range%%-*} + 9))           # a byte of padding in its ELF header

byte() { dd if=/proc/$$/mem bs=1 skip=$address count=1 2> /dev/null | hexdump -e '1/1 "%02x"'; }

was=$(byte)
printf "$1" | dd of=/proc/$$/mem bs=1 seek=$address count=1 conv=notrunc 2> /dev/null
is=$(byte)

echo "memory mapped $rights held $was, holds $is after a write through /proc/$$/mem"
case $1 in
after) [ "$is" = "$was" ] ;; # refused
*)     [ "$is" != "$was" ] ;;
esac
