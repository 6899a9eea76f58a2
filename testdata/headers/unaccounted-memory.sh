# A process takes 64 MB and gives them back by ending: /proc/meminfo counts
# them as committed from then on.
committed() { awk '/^Committed_AS:/ { print $2 }' /proc/meminfo; }
n=$(committed)
dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null || exit 1
grown=$(($(committed) - n))
echo "$grown kB more are committed"
case $1 in
after) [ "$grown" -gt 60000 ] ;;
*)     [ "$grown" -lt 20000 ] ;;
esac
