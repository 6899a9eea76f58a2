package report

import (
	"fmt"
	"strings"

	"kintsugi/internal/text"
)

func (r *Report) callbacksText() string {
	if len(r.Callbacks) == 0 {
		return ""
	}
	table := text.Table{Indent: "  ", Align: "lll"}
	for _, c := range r.Callbacks {
		table.Row(strings.ReplaceAll(string(c.Kind), "_", "-"), within(c.Object, c.Name), c.Unit)
	}
	return "callbacks\n" + table.String()
}

func (r *Report) statesText() string {
	if len(r.States) == 0 {
		return ""
	}
	table := text.Table{Indent: "  ", Align: "rll"}
	for _, s := range r.States {
		table.Row(fmt.Sprint(s.ID), fmt.Sprintf("version %d", s.Version), s.Unit)
	}
	return "states\n" + table.String()
}
