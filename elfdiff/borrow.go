package elfdiff

import "strings"

// borrowers are functions that use the targets of their arguments only while they run. If a task
// waits in a borrower, a patched function called it, and this keeps the module loaded.
var borrowers = wordSet(
	// include/linux/mutex.h, include/linux/rwsem.h, include/linux/semaphore.h
	`__mutex_init mutex_lock mutex_lock_interruptible mutex_lock_killable mutex_lock_io mutex_trylock mutex_unlock
	mutex_is_locked mutex_lock_nested mutex_lock_interruptible_nested mutex_lock_killable_nested
	__init_rwsem down_read down_read_killable down_read_trylock up_read down_write down_write_killable
	down_write_trylock up_write downgrade_write
	down down_interruptible down_killable down_trylock down_timeout up`,
	// include/linux/spinlock_api_smp.h, include/linux/rwlock_api_smp.h, kernel/locking/qspinlock.c
	`_raw_spin_lock _raw_spin_lock_bh _raw_spin_lock_irq _raw_spin_lock_irqsave _raw_spin_trylock
	_raw_spin_trylock_bh _raw_spin_unlock _raw_spin_unlock_bh _raw_spin_unlock_irq _raw_spin_unlock_irqrestore
	_raw_read_lock _raw_read_lock_bh _raw_read_lock_irq _raw_read_lock_irqsave _raw_read_unlock
	_raw_read_unlock_bh _raw_read_unlock_irq _raw_read_unlock_irqrestore
	_raw_write_lock _raw_write_lock_bh _raw_write_lock_irq _raw_write_lock_irqsave _raw_write_unlock
	_raw_write_unlock_bh _raw_write_unlock_irq _raw_write_unlock_irqrestore
	queued_spin_lock_slowpath native_queued_spin_lock_slowpath`,
	// include/linux/completion.h
	`complete complete_all try_wait_for_completion wait_for_completion wait_for_completion_timeout
	wait_for_completion_interruptible wait_for_completion_interruptible_timeout
	wait_for_completion_killable wait_for_completion_killable_timeout`,
	// include/linux/jump_label.h: the kernel forgets the keys of a module with the module
	// (jump_label_module_notify, kernel/jump_label.c)
	`static_key_enable static_key_disable static_key_enable_cpuslocked static_key_disable_cpuslocked
	static_key_slow_inc static_key_slow_dec static_key_count`,
	// include/linux/sched.h
	`__get_task_comm`,
	// include/linux/ratelimit.h, lib/refcount.c
	`___ratelimit refcount_warn_saturate refcount_dec_and_lock refcount_dec_and_mutex_lock`,
	// include/linux/string.h, include/linux/kstrtox.h, include/linux/uaccess.h
	`memcpy memmove memset memcmp __memcpy __memmove __memset strlen strnlen strcmp strncmp strcasecmp strcpy
	strncpy strscpy sized_strscpy strlcpy strcat strncat strlcat kstrdup kstrdup_noprof kmemdup kmemdup_noprof
	match_string __match_string sysfs_match_string __sysfs_match_string sysfs_streq
	_copy_to_user _copy_from_user simple_read_from_buffer simple_write_to_buffer
	kstrtoint kstrtouint kstrtoull kstrtoll kstrtobool get_random_bytes`,
	// include/linux/printk.h, include/linux/sprintf.h, include/linux/seq_file.h, include/linux/sysfs.h
	`_printk printk snprintf scnprintf sprintf vsnprintf sysfs_emit seq_printf seq_puts seq_write print_hex_dump
	hex_dump_to_buffer`,
)

func wordSet(lists ...string) map[string]bool {
	set := map[string]bool{}
	for _, list := range lists {
		for _, word := range strings.Fields(list) {
			set[word] = true
		}
	}
	return set
}
