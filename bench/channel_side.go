package main

import "context"

// bareChannel is a buffered Go channel of the same struct: the least that
// handing a value from one goroutine to another can cost without batching.
func bareChannel() side {
	return side{name: "Go channel", open: func(_ context.Context, handle func()) (carrier, error) {
		c := channelCarrier{values: make(chan answerJudged, queueSize), done: make(chan struct{})}
		go func() { // ends with close
			defer close(c.done)
			for range c.values {
				handle()
			}
		}()
		return c, nil
	}}
}

type channelCarrier struct {
	values chan answerJudged
	done   chan struct{}
}

func (c channelCarrier) emit(_ context.Context, value *answerJudged) error {
	c.values <- *value
	return nil
}

func (c channelCarrier) close(context.Context) error {
	close(c.values)
	<-c.done
	return nil
}
