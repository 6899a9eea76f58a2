package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"kintsugi/internal/text"
)

// junitSuite is a test suite in the form that CI servers read (schema of Apache Ant's JUnit task).
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"` // seconds
	Cases    []junitCase `xml:"testcase"`
	Out      string      `xml:"system-out,omitempty"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
	Skipped *junitSkipped `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

// WriteJUnit writes the test of r as a JUnit suite. The verdict, each object, each call of the
// probe and each replaced function is a test case.
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junitSuite{Name: "kintsugi"}
	if r.Module != nil {
		suite.Name += "." + r.Module.Name
	}
	if r.Target != nil {
		suite.Name += "@" + r.Target.Release
	}
	if r.Test != nil {
		suite.Cases = r.Test.junitCases(suite.Name)
		suite.Time, suite.Out = r.Test.seconds(), xmlText(r.Test.Console)
	}
	for _, c := range suite.Cases {
		suite.Tests++
		if c.Failure != nil {
			suite.Failures++
		}
		if c.Skipped != nil {
			suite.Skipped++
		}
	}
	data, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, data)
	return err
}

func (t *Test) junitCases(class string) []junitCase {
	verdict := junitCase{Name: "verdict"}
	if !t.OK {
		verdict.Failure = &junitFailure{string(t.Verdict), xmlText(t.Reason)}
	}
	cases := []junitCase{verdict}
	for _, o := range t.Objects {
		cases = append(cases, o.junit())
	}
	for _, p := range t.Phases {
		cases = append(cases, p.junit())
	}
	for _, f := range t.Functions {
		cases = append(cases, f.junit())
	}
	for i := range cases {
		cases[i].Class, cases[i].Time = class, "0"
		cases[i].Name = text.Printable(cases[i].Name)
	}
	cases[0].Time = t.seconds()
	return cases
}

func (o *TestObject) junit() junitCase {
	c := junitCase{Name: fmt.Sprintf("patched %s by %s", o.Name, o.Module)}
	switch {
	case o.Patched:
	case o.Allowed:
		c.Skipped = &junitSkipped{xmlText(o.Reason)}
	default:
		c.Failure = &junitFailure{string(NotProven), xmlText(o.Reason)}
	}
	return c
}

func (p *TestPhase) junit() junitCase {
	c := junitCase{Name: "probe " + p.Name, Out: xmlText(p.Output)}
	if p.Status != 0 {
		c.Failure = &junitFailure{string(Failed), fmt.Sprintf("exit status %d", p.Status)}
	}
	return c
}

// junit is skipped for a function that did not run. The verdict decides whether that fails the
// test.
func (f *TestFunction) junit() junitCase {
	c := junitCase{Name: fmt.Sprintf("ran %s/%s of %s", f.Object, f.position(), f.Module)}
	if f.Runs == nil || *f.Runs == 0 {
		c.Skipped = &junitSkipped{xmlText(f.runs())}
	}
	return c
}

// seconds returns the time of all steps together, in seconds.
func (t *Test) seconds() string {
	if len(t.Steps) == 0 {
		return "0"
	}
	last := t.Steps[len(t.Steps)-1]
	return fmt.Sprintf("%.3f", float64(last.StartMS+last.TookMS)/1000)
}

// xmlText returns output of the guest with the characters that XML cannot contain made visible.
func xmlText(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = text.Printable(strings.ReplaceAll(strings.TrimRight(l, "\r"), "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
