# Whether a loop device clears itself, in the words of the patch.
dd if=/dev/zero of=/tmp/disk bs=1024 count=64 2> /dev/null
losetup /dev/loop0 /tmp/disk || exit 1
got=$(cat /sys/block/loop0/loop/autoclear)
losetup -d /dev/loop0
echo "$got"
case $1 in
before | reverted) [ "$got" = 0 ] ;;
after) [ "$got" = no ] ;;
esac
