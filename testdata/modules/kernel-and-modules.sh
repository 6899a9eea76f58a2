# A minix file system of version 1, and one of version 2, which other copies of
# the same functions are for.
at() { dd of="$1" bs=1 seek="$2" conv=notrunc 2> /dev/null; }
v1() {
	dd if=/dev/zero of="$1" bs=1024 count=64 2> /dev/null
	printf '\040\0\100\0\1\0\1\0\5\0\0\0\0\034\010\020\177\023\1\0' | at "$1" 1024
	printf '\3' | at "$1" 2048
	printf '\3' | at "$1" 3072
	printf '\355\101\0\0\040\0\0\0\0\0\0\0\0\2\5\0' | at "$1" 4096
	root "$1" 5120
}
v2() {
	dd if=/dev/zero of="$1" bs=1024 count=64 2> /dev/null
	printf '\020\0\0\0\1\0\1\0\5\0\0\0\377\377\377\177\150\044\1\0\100\0\0\0' | at "$1" 1024
	printf '\3' | at "$1" 2048
	printf '\3' | at "$1" 3072
	printf '\355\101\2\0\0\0\0\0\040\0\0\0' | at "$1" 4096
	printf '\5' | at "$1" 4120
	root "$1" 5120
}
root() {
	printf '\1\0.' | at "$1" "$2"
	printf '\1\0..' | at "$1" $(($2 + 16))
}

# Whether the third block of a file can be written.
third() {
	mkdir -p /tmp/mnt
	"$1" "/tmp/$1"
	mount -t minix -o loop "/tmp/$1" /tmp/mnt || exit 1
	printf 'text of %s' "$1" > /tmp/mnt/small
	dd if=/dev/urandom of=/tmp/random bs=1024 count=40 2> /dev/null
	if cat /tmp/random > /tmp/mnt/large 2> /dev/null; then answer=yes; else answer=no; fi
	sync
	umount /tmp/mnt || exit 1
	mount -t minix -o loop "/tmp/$1" /tmp/mnt || exit 1
	[ "$(cat /tmp/mnt/small)" = "text of $1" ] || exit 1
	[ $answer = no ] || cmp /tmp/random /tmp/mnt/large || exit 1
	umount /tmp/mnt || exit 1
	echo $answer
}

autoclear() {
	dd if=/dev/zero of=/tmp/disk bs=1024 count=64 2> /dev/null
	losetup /dev/loop0 /tmp/disk || exit 1
	cat /sys/block/loop0/loop/autoclear
	losetup -d /dev/loop0
}

look() {
	cut -d ' ' -f 1 /proc/version
	autoclear
	echo "minix: $(third v1) $(third v2)"
}

case $1 in
before | reverted) want="Linux 0 minix: yes yes" ;;
after) want="patched 0 $(cat /proc/cmdline) minix: no no" ;;
load) want= ;;
esac
got=$(look | tr '\n' ' ')
echo "$got"
[ "$got" = "$want " ]
