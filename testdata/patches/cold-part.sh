# The help of sysrq, printed in the function's .cold part.
dmesg -c > /dev/null
echo h > /proc/sysrq-trigger
dmesg | cut -c 1-100
case $1 in
after) dmesg | grep -q 'sysrq: HELP, HELP : loglevel(0-9)' ;;
*)     dmesg | grep -q 'sysrq: HELP : loglevel(0-9)' ;;
esac
