package queue

// Processor is what a worker does with the items of its queue.
type Processor[E any] interface {
	// Process processes an item. value points to the item's value; both are valid until it returns.
	// It returns false for an item that must wait for one that was put back. It may end its
	// goroutine: then another one goes on with the next item.
	Process(item *E, value any) bool
}

// Gatherer is a Processor that does not finish each item at once, but gathers what it makes of
// some.
type Gatherer interface {
	// Idle finishes what was gathered. It is called when nothing else waits, before the places of
	// the last items are released.
	Idle()
}

// worker is one goroutine of a consumer and what it is working on.
type worker[E, V any] struct {
	queue *Queue[E, V]
	work  Processor[E]
	idle  func()       // nil: it gathers nothing
	spawn func(func()) // starts a goroutine that the consumer waits for

	items     cursor[E] // at the first item of those taken that is not processed
	values    cursor[V]
	back      kept[E] // one that was put back into the queue
	isBack    bool    // back is the one being processed
	processed bool
	done      int64 // processed items whose places are not released yet
	ended     bool  // the queue is closed
}

// run is the worker's loop. It ends when the queue is closed. Should Process end the goroutine,
// another one goes on with the next item.
func (w *worker[E, V]) run() {
	defer func() {
		if !w.ended {
			w.spawn(w.run)
		}
	}()
	for w.take() {
		for w.more() {
			w.step()
		}
		if w.idle != nil {
			w.idle()
		}
	}
	w.ended = true
}

func (w *worker[E, V]) more() bool { return w.items.page != nil || w.queue.returned.Load() > 0 }

// take gets the next items, unless some are left.
func (w *worker[E, V]) take() (open bool) {
	if w.more() {
		return true
	}
	w.queue.release(w.done)
	w.done = 0
	return w.queue.take(&w.items, &w.values)
}

// step processes one item: first what was put back.
func (w *worker[E, V]) step() {
	w.done++
	w.processed = true // also if Process ends the goroutine
	if w.isBack = w.queue.returned.Load() > 0; w.isBack {
		w.back = w.queue.takeBack()
		defer w.finish()
		w.processed = w.work.Process(&w.back.item, w.back.value)
		return
	}
	item := w.items.present()
	defer w.finish()
	w.processed = w.work.Process(item, w.values.present())
}

// finish ends a step. Emitters and the worker share the count of places: it is written for several
// items at once, unless somebody waits for one.
func (w *worker[E, V]) finish() {
	if !w.processed {
		w.done--
		if w.isBack {
			w.queue.untake(w.back)
		}
		return
	}
	if w.isBack {
		w.back = kept[E]{} // let go of what the item and its value refer to
	} else {
		w.items.next(w.queue.itemPages)
		w.values.next(w.queue.valuePages)
	}
	if w.idle != nil && !w.more() {
		return // what was gathered of it comes first
	}
	if w.done >= w.queue.releaseBatch || w.queue.waiters.Load() > 0 {
		w.queue.release(w.done)
		w.done = 0
	}
}
