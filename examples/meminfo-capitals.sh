# How /proc/meminfo writes the name of one line.
grep -i vmalloctotal /proc/meminfo
case $1 in
after) grep -q VMALLOCTOTAL /proc/meminfo ;;
*)     grep -q VmallocTotal /proc/meminfo ;;
esac
