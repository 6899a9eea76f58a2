# uprobe_profile says that it is opened, kprobe_profile does not, and each still
# shows its own probes.
cd /sys/kernel/tracing || exit 1
echo 'p:upro /bin/busybox:0x1000' > uprobe_events || exit 1
echo 'p:kpro vfs_read' > kprobe_events || exit 1
dmesg -c > /dev/null
cat kprobe_profile
cat uprobe_profile
dmesg
grep -q upro uprobe_profile && ! grep -q kpro uprobe_profile || exit 1
grep -q kpro kprobe_profile && ! grep -q upro kprobe_profile || exit 1
case $1 in
after) dmesg | grep -q 'uprobe_profile: opened by cat' ;;
*)     ! dmesg | grep -q uprobe_profile ;;
esac || exit 1
echo > uprobe_events
echo > kprobe_events
