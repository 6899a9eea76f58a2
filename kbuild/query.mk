# Read by every make of a dry run, before kbuild's own makefiles (MAKEFILES).
# A goal DIR/.kintsugi.i makes the make that visits DIR tell what it would
# build there; .i because the top Makefile hands goals of that suffix down
# through the directories, as it does for any single target.
kintsugi_vars := need-builtin real-obj-y real-obj-m lib-y extra-y hostprogs ARCH_LIB KBUILD_VMLINUX_LIBS KBUILD_VMLINUX_OBJS
ifdef obj
$(obj)/.kintsugi.i:
	@: $(foreach v,$(kintsugi_vars),$(info kintsugi:$(v):$(obj):$($(v))))
endif
