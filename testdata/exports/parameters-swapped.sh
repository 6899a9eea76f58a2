# Names are looked up on the file systems of both modules: msdos does so for each
# access, vfat for each short name that it makes.
look() {
	mkdir -p /tmp/mnt
	dd if=/dev/zero of=/tmp/disk bs=1024 count=1024 2> /dev/null
	mkdosfs /tmp/disk > /dev/null 2>&1 || exit 1
	mount -t "$1" -o loop /tmp/disk /tmp/mnt || exit 1
	echo first > /tmp/mnt/one.txt && mv /tmp/mnt/one.txt /tmp/mnt/two.txt || exit 1
	echo second > "/tmp/mnt/$2" || exit 1
	cat /tmp/mnt/two.txt "/tmp/mnt/$2" || exit 1
	ls /tmp/mnt/one.txt 2> /dev/null
	umount /tmp/mnt || exit 1
}

got=$(echo $(look msdos three.txt) $(look vfat a-name-that-takes-several-entries))
echo "$got"
[ "$got" = "first second first second" ]
