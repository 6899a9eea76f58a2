# Attributes that are 1.
cat /sys/devices/system/cpu/cpu0/topology/package_cpus_list
cat /sys/kernel/mm/ksm/use_zero_pages /sys/kernel/mm/ksm/merge_across_nodes
case $1 in
after) grep -qx '1 yes' /sys/kernel/mm/ksm/merge_across_nodes ;;
*)     grep -qx '1' /sys/kernel/mm/ksm/merge_across_nodes ;;
esac && grep -qx 0 /sys/kernel/mm/ksm/use_zero_pages
