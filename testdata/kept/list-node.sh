# The list has the node after the module was disabled, and can be changed.
grep kept /proc/filesystems
listed=$?
case $1 in
before)	[ $listed = 1 ] ;;
*)	rmmod minix && insmod /modules/minix.ko && grep minix /proc/filesystems && [ $listed = 0 ] ;;
esac
