# Read by every make of a query, before kbuild's own makefiles (MAKEFILES).
#
# The goal kintsugi of the top Makefile hands kintsugi_goals down through the
# directories as kbuild does for single targets, but depends on nothing: single
# targets first bring all that `make prepare` makes up to date.
#
# A goal DIR/.kintsugi makes the make that visits DIR tell what it would build.
#
# kintsugi_dir is a directory to go to at once: kbuild does not come by the boot
# loader stub on its way through the kernel.
#
# kintsugi_new are files that a patch adds: a rule of their own has make take
# them for there.

kintsugi_vars := need-builtin real-obj-y real-obj-m lib-y extra-y multi-obj-y multi-obj-m hostprogs ARCH_LIB KBUILD_VMLINUX_LIBS KBUILD_VMLINUX_OBJS

ifeq ($(origin obj),command line)
$(obj)/.kintsugi:
	@: $(foreach v,$(kintsugi_vars),$(info kintsugi:$(v):$(obj):$($(v))))
ifneq ($(kintsugi_new),)
$(kintsugi_new): ;
endif
else
.PHONY: kintsugi
kintsugi:
	+@$(MAKE) $(build)=$(or $(kintsugi_dir),$(build-dir)) need-builtin=1 need-modorder=1 $(kintsugi_goals)
endif
