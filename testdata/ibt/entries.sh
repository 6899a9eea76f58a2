# osp nopl (%rax) is where ENDBR was sealed; the exported function has kept its
# own (gen_endbr_poison, arch/x86/include/asm/ibt.h).
head -n 4 /proc/devices
case $1 in
after)
	grep -qx 'chrdev_show 66 0f 1f 00' /proc/devices &&
	grep -qx 'seq_write f3 0f 1e fa' /proc/devices &&
	grep -qx 'devinfo_show f3 0f 1e fa' /proc/devices ;;
*)	head -n 1 /proc/devices | grep -qx 'Character devices:' ;;
esac
