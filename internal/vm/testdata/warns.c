// SPDX-License-Identifier: GPL-2.0
// The sample with a WARN on load.
#define WARNS
#include "sample.c"
