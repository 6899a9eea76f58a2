# Renaming a task by way of /proc is counted while patched.
rename() { printf "$1" >/proc/$$/comm; cat /proc/$$/comm; }
rename one
rename two
rename three >/tmp/comm
case $1 in
after)
	printf 'three\n3\n' | cmp - /tmp/comm || exit 1
	# Shadows are freed with their tasks: no new one has a count.
	for _ in 1 2 3 4 5 6 7 8 9; do
		sh -c 'printf x >/proc/$$/comm; grep -qx 1 /proc/$$/comm' || exit 1
	done ;;
*)
	echo three | cmp - /tmp/comm ;;
esac
