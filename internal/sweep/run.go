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
	"kintsugi/internal/diag"
	"kintsugi/internal/fault"
	"kintsugi/internal/report"
	"kintsugi/internal/text"
)

// outcome is the result of one change.
type outcome struct {
	Name      string         `json:"name"` // file or directory
	Verdict   report.Verdict `json:"verdict"`
	Code      diag.Code      `json:"code,omitempty"`  // code that decided the verdict
	Codes     []diag.Code    `json:"codes,omitempty"` // codes of all refusing diagnostics
	Message   string         `json:"message,omitempty"`
	Functions []string       `json:"functions,omitempty"`
	Seconds   float64        `json:"seconds"`
	Touched   *touched       `json:"touched,omitempty"` // if the verdict is ok or nothing
	Boot      *boot          `json:"boot,omitempty"`

	module string // path of the module, if one was built
}

// sweep is one run.
type sweep struct {
	*ground
	opts options
	dir  string // folder of patches, reports and modules
}

// patience limits the time of one change: a header can reach hundreds of units.
const patience = 30 * time.Minute

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
	all, err := g.changes(ctx, opts)
	if err != nil {
		return false, err
	}
	r := &result{Older: g.older.Version, Newer: g.newer.Version, Release: g.older.Release, Changes: len(all)}
	lines := out
	if opts.json {
		lines = io.Discard
	}
	fmt.Fprintf(lines, "%s: %s of %s to %s\n", r.Release, text.Count(r.Changes, "change"), r.Older, r.Newer)
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

// all runs every change, several in parallel, and writes a line for each. After an interrupt, the
// outcomes are meaningless.
func (s *sweep) all(ctx context.Context, changes []change, out io.Writer) []*outcome {
	outcomes := make([]*outcome, len(changes))
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
	for i, c := range changes {
		group.Go(func() error {
			o := s.one(ctx, c)
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

// one runs one change. Its outcome includes errors and panics.
func (s *sweep) one(ctx context.Context, c change) (o *outcome) {
	o = &outcome{Name: c.Name}
	begin := time.Now()
	defer func() {
		if p := recover(); p != nil {
			o.Verdict, o.Code, o.Message = report.Failed, "panic", fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
	}()
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	rep, err := s.build(ctx, c)
	o.Seconds = time.Since(begin).Seconds()
	o.judge(rep, err)
	if rep != nil && (o.Verdict == report.OK || o.Verdict == report.Nothing) {
		if o.Touched, err = s.touched(ctx, c, rep); err != nil {
			o.Touched = &touched{Problem: err.Error()}
		}
	}
	if rep != nil && rep.Module != nil {
		o.module = filepath.Join(s.folder(c.Name), rep.Module.Path)
	}
	return o
}

// folder returns the folder of a change.
func (s *sweep) folder(name string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(strings.TrimSuffix(name, ".c"), "/", "_"))
}

func (s *sweep) patchFile(name string) string {
	return s.folder(name) + ".patch"
}

// build runs kintsugi on a change.
func (s *sweep) build(ctx context.Context, c change) (*report.Report, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, err
	}
	text, err := s.patch(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.patchFile(c.Name), text, 0o644); err != nil {
		return nil, err
	}
	do := builder.Check
	if s.opts.build {
		do = builder.Build
	}
	opts := builder.Options{Target: s.target, Patches: []string{s.patchFile(c.Name)}, Out: s.folder(c.Name), Jobs: 1,
		Replace: true}
	rep, err := do(ctx, opts)
	if data, jsonErr := json.MarshalIndent(rep, "", "  "); jsonErr == nil {
		_ = os.WriteFile(s.folder(c.Name)+".json", data, 0o644) // for the user
	}
	return rep, err
}

// classes are the codes of errors that have no code of their own.
var classes = map[fault.Class]diag.Code{
	fault.Verdict: "verdict", fault.Input: "input", fault.Environment: "environment", fault.Bug: "bug",
}

// judge sets the verdict from the report and the error.
func (o *outcome) judge(rep *report.Report, err error) {
	o.Verdict = report.Failed
	if rep != nil {
		o.Verdict, o.Functions, o.Codes = rep.Verdict, functionNames(rep), errorCodes(rep)
	}
	if err == nil {
		return
	}
	o.Code, o.Message = fault.CodeOf(err), err.Error()
	if o.Verdict == report.Failed && o.Code != alone {
		o.Message = strings.Join(append([]string{o.Message}, fault.Hints(err)...), "\n")
	}
	if o.Code == "" && o.Verdict == report.Failed {
		o.Code = classes[fault.ClassOf(err)]
	}
}

func functionNames(rep *report.Report) []string {
	var names []string
	for _, f := range rep.Functions {
		names = append(names, f.Name)
	}
	return names
}

func errorCodes(rep *report.Report) []diag.Code {
	var codes []diag.Code
	for _, d := range rep.Diagnostics {
		if d.Severity.Refuses() {
			codes = append(codes, d.Code)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
