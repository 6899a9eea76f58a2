package compile

import (
	"sync"
	"time"

	"kintsugi/kbuild"
)

// watch counts the units of a long step and estimates the time left.
type watch struct {
	mu       sync.Mutex
	progress kbuild.Progress
	step     string
	count    int
	total    int
	begin    time.Time
}

func newWatch(progress kbuild.Progress, step string, total int) *watch {
	w := &watch{progress: progress, step: step, total: total, begin: time.Now()}
	w.report()
	return w
}

func (w *watch) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	w.report()
}

func (w *watch) report() {
	if w.progress != nil {
		w.progress(w.step, int64(w.count), int64(w.total), w.left(time.Since(w.begin)))
	}
}

// left estimates the time left from the time passed.
func (w *watch) left(passed time.Duration) time.Duration {
	const enough = 10 // units that must be done before an estimate
	if w.count < enough {
		return 0
	}
	return time.Duration(float64(passed) / float64(w.count) * float64(w.total-w.count))
}
