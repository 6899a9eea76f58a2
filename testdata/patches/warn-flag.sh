# An attribute can be read as ever.
cat /sys/kernel/mm/ksm/run
