# A line of /proc/PID/smaps that depends on a feature of the CPU.
shown() { grep -q ProtectionKey /proc/self/smaps && echo yes || echo no; }
has() { grep -qw $1 /proc/cpuinfo && echo yes || echo no; }
echo "pku: $(has pku), avx512f: $(has avx512f), shown: $(shown)"
case $1 in
after) [ $(shown) = $(has avx512f) ] ;;
*)     [ $(shown) = $(has ospke) ] ;;
esac
