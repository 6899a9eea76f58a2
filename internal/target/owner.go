package target

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"kintsugi/internal/disk"
	"kintsugi/internal/fault"
)

// checkOwner refuses a store that another user owns or can write to: its compilers and
// makefiles are run with this user's rights. Under sudo, the store of the user who called
// it is accepted. A store that does not exist yet is fine.
func checkOwner(dir string) error {
	var stat unix.Stat_t
	err := unix.Stat(dir, &stat)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return disk.Fault(&os.PathError{Op: "stat", Path: dir, Err: err})
	}
	if !ours(stat.Uid, os.Geteuid(), os.Getenv("SUDO_UID")) {
		return fault.Environmentf("the cache %s belongs to another user, with the number %d", dir, stat.Uid).
			Hint("set KINTSUGI_CACHE to a folder of your own")
	}
	if othersWrite(stat.Mode, stat.Uid, stat.Gid) {
		return fault.Environmentf("other users can write to the cache %s", dir).Hint("chmod go-w %s", dir)
	}
	return nil
}

// ours reports whether files of owner are to be trusted by the user euid. sudoUID is the
// number of the user who called sudo, empty for none.
func ours(owner uint32, euid int, sudoUID string) bool {
	return int(owner) == euid || euid == 0 && sudoUID == strconv.Itoa(int(owner))
}

// othersWrite reports whether a mode lets others than the owner write. Where every user has
// a group of that number, as in Debian, the owner's group is nobody else.
func othersWrite(mode, uid, gid uint32) bool {
	return mode&unix.S_IWOTH != 0 || mode&unix.S_IWGRP != 0 && gid != uid
}
