# lease-break-time is another one while patched, and the callbacks ran in order.
cat /proc/sys/fs/lease-break-time
dmesg | grep -o 'p[a-z]*-u*n*patch.*'
case $1 in
before)   [ "$(cat /proc/sys/fs/lease-break-time)" = 45 ] ;;
after)    [ "$(cat /proc/sys/fs/lease-break-time)" = 61 ] && dmesg | grep -q 'pre-patch of vmlinux' && dmesg | grep -q 'post-patch' ;;
reverted) [ "$(cat /proc/sys/fs/lease-break-time)" = 45 ] && dmesg | grep -q 'pre-unpatch' && dmesg | grep -q 'post-unpatch' ;;
esac
