# minix comes at the second attempt, and tells another length of names.
at() { dd of=/tmp/disk bs=1 seek="$1" conv=notrunc 2>/dev/null; }
lengths() {
	insmod /modules/minix.ko || exit 1
	mount -t minix -o loop /tmp/disk /tmp/mnt || exit 1
	stat -f -c %l /tmp/mnt
	umount /tmp/mnt
	[ "$1" = stays ] || rmmod minix || exit 1
}
mkdir -p /tmp/mnt
dd if=/dev/zero of=/tmp/disk bs=1024 count=64 2>/dev/null
printf '\040\0\100\0\1\0\1\0\5\0\0\0\0\034\010\020\177\023\1\0' | at 1024
printf '\3' | at 2048
printf '\3' | at 3072
printf '\355\101\0\0\040\0\0\0\0\0\0\0\0\2\5\0' | at 4096
printf '\1\0.' | at 5120
printf '\1\0..' | at 5136
case $1 in
before) insmod /modules/loop.ko && want=14 ;;
after) want=114; insmod /modules/minix.ko && exit 1 ;;
reverted) rmmod minix && want=14 ;;
esac
got=$(if [ "$1" = after ]; then lengths stays; else lengths; fi)
echo "$got"
[ "$got" = "$want" ]
