# Every make of a query reads this before kbuild's own makefiles (MAKEFILES).
#
# The goal kintsugi of the top Makefile passes kintsugi_goals down through the
# directories as kbuild does for single targets, but depends on nothing: single
# targets first update all that `make prepare` makes.
#
# A goal DIR/.kintsugi has the make that visits DIR print what it would build.
#
# kintsugi_dir is a directory to visit at once: kbuild does not pass the boot
# loader stub on its way through the kernel.
#
# kintsugi_new lists files that a patch adds. Each has an empty rule, so that make
# assumes that it exists.

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
