# Two functions use the table.
file=/sys/kernel/mm/transparent_hugepage/shmem_enabled
mkdir -p /tmp/mnt
mount -t tmpfs -o huge=advise tmpfs /tmp/mnt || exit 1
cat $file
grep /tmp/mnt /proc/self/mounts
mounts=$(grep /tmp/mnt /proc/self/mounts)
umount /tmp/mnt
case $1 in
after) grep -qw advised $file && case $mounts in *huge=advised*) ;; *) exit 1 ;; esac ;;
*)     grep -qw advise $file && case $mounts in *huge=advise*) ;; *) exit 1 ;; esac ;;
esac
