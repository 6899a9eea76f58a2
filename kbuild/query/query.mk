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
#
# Where the top Makefile sets build-dir (6.1), kbuild itself passes goals down. In 5.10 it
# has KBUILD_SINGLE_TARGETS instead, which omits goals that are no objects. There the
# goal kintsugi exists in every directory: it makes the directory's own goals and
# visits the subdirectories that have some, with the settings of kbuild's own visit.

kintsugi_vars := need-builtin real-obj-y real-obj-m lib-y extra-y multi-obj-y multi-obj-m multi-used-y \
	multi-used-m hostprogs ARCH_LIB KBUILD_VMLINUX_LIBS KBUILD_VMLINUX_OBJS

# The steps of a rule after the compiler that are not part of the compiler's command. In
# 5.10 objtool is such a step (rule_cc_o_c of scripts/Makefile.build).
kintsugi_steps = $(foreach s,objtool record_mcount,$(if \
	$(findstring cmd$(comma)$(s),$(value rule_$(1))),$(if $(strip $(cmd_$(s))),; $(cmd_$(s)))))

# $(call kintsugi_visit,DIRECTORIES,NEED-BUILTIN,NEED-MODORDER): the commands that visit
# those of the directories that have a goal. 2 and 3 name the functions of a directory.
kintsugi_visit = $(foreach d,$(1),$(if $(filter $(d)/%,$(kintsugi_goals)),$(MAKE) $(build)=$(d) \
	need-builtin=$(call $(2),$(d)) need-modorder=$(call $(3),$(d)) kintsugi || failed=1;))
kintsugi_down = $(MAKE) $(build)=$(or $(kintsugi_dir),$(build-dir)) need-builtin=1 need-modorder=1 $(kintsugi_goals)
# The same without the help of kbuild.
kintsugi_descent = failed=0; $(call kintsugi_visit,$(build-dirs),kintsugi_one,kintsugi_one) \
	$(call kintsugi_unknown,$(filter-out $(addsuffix /%,$(build-dirs)),$(kintsugi_goals))) exit $$failed
# Goals of no directory: include/generated/compile.h, whose rule is in init/Makefile, and
# those that no make has a rule for.
kintsugi_unknown = $(if $(1),$(MAKE) $(build)=init need-builtin=1 $(1) || failed=1;)
kintsugi_one = 1
kintsugi_builtin = $(if $(filter $(1)/built-in.a,$(subdir-builtin)),1)
kintsugi_modorder = $(if $(filter $(1)/modules.order,$(subdir-modorder)),1)

ifeq ($(origin obj),command line)
$(obj)/.kintsugi:
	@: $(foreach v,$(kintsugi_vars),$(info kintsugi:$(v):$(obj):$($(v))))
ifneq ($(kintsugi_new),)
$(kintsugi_new): ;
endif
ifneq ($(filter kintsugi,$(MAKECMDGOALS)),)
.SECONDEXPANSION:
.PHONY: kintsugi
kintsugi: $$(filter-out $$(addsuffix /%,$$(subdir-ym)),$$(filter $$(obj)/%,$$(kintsugi_goals))) kintsugi-below
.PHONY: kintsugi-below
kintsugi-below:
	+@failed=0; $(call kintsugi_visit,$(subdir-ym),kintsugi_builtin,kintsugi_modorder) exit $$failed
endif
else
.PHONY: kintsugi
kintsugi:
	+@$(if $(kintsugi_dir)$(build-dir),$(kintsugi_down),$(kintsugi_descent))
endif
