package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kintsugi/builder"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
)

// outcome is what became of one change.
type outcome struct {
	File      string         `json:"file"`
	Verdict   report.Verdict `json:"verdict"`
	Code      string         `json:"code,omitempty"`  // of what decided the verdict
	Codes     []string       `json:"codes,omitempty"` // of all that stands against a module
	Message   string         `json:"message,omitempty"`
	Functions []string       `json:"functions,omitempty"`
	Seconds   float64        `json:"seconds"`
	Touched   *touched       `json:"touched,omitempty"` // where the verdict is ok or nothing
	Boot      *boot          `json:"boot,omitempty"`

	module string // file, where one was built
}

// sweep is one run.
type sweep struct {
	*ground
	opts options
	dir  string // of patches, reports and modules
}

// patience is how long one change may take.
const patience = 5 * time.Minute

func run(ctx context.Context, opts options, out io.Writer) (ok bool, err error) {
	g, err := prepare(ctx, opts.series)
	if err != nil {
		return false, err
	}
	s := &sweep{ground: g, opts: opts, dir: opts.out}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "sweep-"); err != nil {
			return false, err
		}
		defer os.RemoveAll(s.dir)
	}
	all, err := g.changes(ctx)
	if err != nil {
		return false, err
	}
	r := &result{Older: g.older.Version, Newer: g.newer.Version, Release: g.older.Release, Changes: len(all)}
	lines := out
	if opts.json {
		lines = io.Discard
	}
	fmt.Fprintf(lines, "%s: %d files of %s to %s\n", r.Release, r.Changes, r.Older, r.Newer)
	r.Outcomes = s.all(ctx, sample(only(all, opts.only), opts.number, opts.seed), lines)
	if ctx.Err() == nil {
		s.bootSome(ctx, r.Outcomes, lines)
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if opts.json {
		return r.ok(), json.NewEncoder(out).Encode(r)
	}
	r.write(out)
	return r.ok(), nil
}

// all runs every change, several at once, and writes a line of each. After an
// interrupt the outcomes mean nothing.
func (s *sweep) all(ctx context.Context, files []string, out io.Writer) []*outcome {
	outcomes := make([]*outcome, len(files))
	lines := make(chan string)
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		for line := range lines {
			fmt.Fprintln(out, line)
		}
	}()
	var group errgroup.Group
	group.SetLimit(max(1, s.opts.jobs))
	for i, file := range files {
		group.Go(func() error {
			o := s.one(ctx, file)
			if ctx.Err() == nil {
				outcomes[i] = o
				lines <- o.line()
			}
			return nil
		})
	}
	_ = group.Wait()
	close(lines)
	<-printed
	return outcomes
}

// one runs one change. What goes wrong, a panic too, is its outcome.
func (s *sweep) one(ctx context.Context, file string) (o *outcome) {
	o = &outcome{File: file}
	begin := time.Now()
	defer func() {
		if p := recover(); p != nil {
			o.Verdict, o.Code, o.Message = report.Failed, "panic", fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
	}()
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	rep, err := s.build(ctx, file)
	o.Seconds = time.Since(begin).Seconds()
	o.judge(rep, err)
	if rep != nil && (o.Verdict == report.OK || o.Verdict == report.Nothing) {
		if o.Touched, err = s.touched(ctx, file, rep); err != nil {
			o.Touched = &touched{Problem: err.Error()}
		}
	}
	if rep != nil && rep.Module != nil {
		o.module = filepath.Join(s.folder(file), rep.Module.Path)
	}
	return o
}

// folder is where all that belongs to the file's change is kept.
func (s *sweep) folder(file string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(strings.TrimSuffix(file, ".c"), "/", "_"))
}

func (s *sweep) patchFile(file string) string {
	return s.folder(file) + ".patch"
}

// build runs kintsugi on the file's change.
func (s *sweep) build(ctx context.Context, file string) (*report.Report, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, err
	}
	text, err := s.patch(ctx, file)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.patchFile(file), text, 0o644); err != nil {
		return nil, err
	}
	do := builder.Check
	if s.opts.build {
		do = builder.Build
	}
	rep, err := do(ctx, builder.Options{Target: s.target, Patches: []string{s.patchFile(file)}, Out: s.folder(file), Jobs: 1, Replace: true})
	if data, jsonErr := json.MarshalIndent(rep, "", "  "); jsonErr == nil {
		_ = os.WriteFile(s.folder(file)+".json", data, 0o644) // for the reader
	}
	return rep, err
}

// judge fills in what the report says.
func (o *outcome) judge(rep *report.Report, err error) {
	o.Verdict = report.Failed
	if rep != nil {
		o.Verdict, o.Functions, o.Codes = rep.Verdict, functionNames(rep), errorCodes(rep)
	}
	if err == nil {
		return
	}
	o.Code, o.Message = fault.CodeOf(err), err.Error()
	if o.Code == "" && o.Verdict == report.Failed {
		o.Code = map[fault.Class]string{fault.Input: "input", fault.Environment: "environment", fault.Verdict: "verdict"}[fault.ClassOf(err)]
	}
	if o.Code == "" && o.Verdict == report.Failed {
		o.Code = "bug"
	}
}

func functionNames(rep *report.Report) []string {
	var names []string
	for _, f := range rep.Functions {
		names = append(names, f.Name)
	}
	return names
}

func errorCodes(rep *report.Report) []string {
	var codes []string
	for _, d := range rep.Diagnostics {
		if d.Severity == report.Error {
			codes = append(codes, d.Code)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
