package kbuild

import (
	"sync"
	"time"
)

// Progress is told how many units of a step are done, and how long the others
// will take, 0 where that is not known yet. It is called from one goroutine at
// a time.
type Progress func(step string, done, total int64, left time.Duration)

// watch counts the units of a long step and estimates when it ends.
type watch struct {
	mu       sync.Mutex
	progress Progress
	step     string
	count    int
	total    int
	begin    time.Time
}

func (t *Tree) watch(step string, total int) *watch {
	w := &watch{progress: t.Progress, step: step, total: total, begin: time.Now()}
	w.tell()
	return w
}

func (w *watch) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	w.tell()
}

func (w *watch) tell() {
	if w.progress != nil {
		w.progress(w.step, int64(w.count), int64(w.total), w.left(time.Since(w.begin)))
	}
}

// left is the time that is left, when so much has passed.
func (w *watch) left(passed time.Duration) time.Duration {
	const enough = 10 // units, to judge by
	if w.count < enough {
		return 0
	}
	return time.Duration(float64(passed) / float64(w.count) * float64(w.total-w.count))
}
