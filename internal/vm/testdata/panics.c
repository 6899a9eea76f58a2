// SPDX-License-Identifier: GPL-2.0
// The sample with a panic on load.
#define PANICS
#include "sample.c"
