# For a newcomer with Debian 12, Go, git and make: make demo, then make test.
# Both install the Debian packages that they need. make check needs only Go.

.PHONY: build check figures demo test test-all bench sweep

build: # the program, static: it is also init of the virtual machine
	CGO_ENABLED=0 go build -trimpath -o kintsugi .

demo: # a real patch for Debian's newest kernel, built, loaded and taken out again
	@scripts/install-packages demo
	@$(MAKE) --no-print-directory build
	@scripts/demo

check: # style and unit tests, within a minute: no packages, no kernel, no root
	@scripts/check

test: # what CI runs: the real kernel and the virtual machine included
	@scripts/install-packages test
	@$(MAKE) --no-print-directory build
	@scripts/test

test-all: # make test, and the same on further kernels
	@scripts/install-packages test
	@$(MAKE) --no-print-directory build
	@scripts/test all

bench: # what a build and a new target cost; BENCH="-rounds 3 build" for a part
	@scripts/install-packages demo
	@$(MAKE) --no-print-directory build
	@target=$$(scripts/newest-target) && go run ./internal/bench -t "$$target" $(BENCH)

figures: # size and shape of the code; FIGURES=-over lists what exceeds a budget
	@go run ./internal/figures $(FIGURES)

sweep: # real changes between two releases: N=40 (or all) SEED=1 SWEEP="-build -boot 5"; see docs/coverage.md
	@scripts/install-packages demo
	@CGO_ENABLED=0 go run ./internal/sweep -n $(or $(N),40) -seed $(or $(SEED),1) $(SWEEP)
