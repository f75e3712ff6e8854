// Package tap writes the Test Anything Protocol, version 13.
//
// It stands in for github.com/mndrix/tap-go, which Debian does not package, and has what the suite calls
// and no more. Written for tsoci.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T is one stream of results. A copy made by Todo goes on counting where its original is.
type T struct {
	TODO   bool
	Writer io.Writer
	count  *int
}

// New returns a stream without results, to standard output.
func New() *T {
	return &T{Writer: os.Stdout, count: new(int)}
}

func (t *T) line(format string, values ...interface{}) {
	out := t.Writer
	if out == nil {
		out = os.Stdout
	}
	fmt.Fprintf(out, format+"\n", values...)
}

// Header begins the stream, with its plan if the number of results is known.
func (t *T) Header(planned int) {
	t.line("TAP version 13")
	if planned > 0 {
		t.line("1..%d", planned)
	}
}

// AutoPlan ends a stream that began without a plan.
func (t *T) AutoPlan() {
	t.line("1..%d", *t.count)
}

// Ok is one result.
func (t *T) Ok(passed bool, description string) {
	*t.count++
	result := "ok"
	if !passed {
		result = "not ok"
	}
	separator := "-"
	if t.TODO {
		separator = "# TODO"
	}
	t.line("%s %d %s %s", result, *t.count, separator, description)
}

// Pass is a result that is right.
func (t *T) Pass(description string) {
	t.Ok(true, description)
}

// Fail is a result that is wrong.
func (t *T) Fail(description string) {
	t.Ok(false, description)
}

// Skip is a number of results that nobody tried to get.
func (t *T) Skip(number int, reason string) {
	for ; number > 0; number-- {
		*t.count++
		t.line("ok %d # SKIP %s", *t.count, reason)
	}
}

// Todo marks what follows as not expected to pass.
func (t *T) Todo() *T {
	marked := *t
	marked.TODO = true
	return &marked
}

// Diagnostic is a remark of any number of lines.
func (t *T) Diagnostic(remark string) {
	for _, text := range strings.Split(strings.TrimRight(remark, "\n"), "\n") {
		t.line("# %s", text)
	}
}

// Diagnosticf is Diagnostic with a format.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML is details of the result before it; JSON is YAML, too.
func (t *T) YAML(details interface{}) error {
	text, err := json.MarshalIndent(details, "  ", "  ")
	if err == nil {
		t.line("  ---\n  %s\n  ...", text)
	}
	return err
}
