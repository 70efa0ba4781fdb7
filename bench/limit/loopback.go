package limit

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// MessageBytes is what a message of one event takes on a link, with its envelope.
const MessageBytes = 190

// Loopback is the median time that so many messages take one way over a TCP connection inside this
// machine, one at a time. The sender rests between them: 0 keeps both ends awake.
func Loopback(messages int, rest time.Duration) (median time.Duration, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("listen for the loopback: %w", err)
	}
	defer func() { err = errors.Join(err, listener.Close()) }()
	out, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return 0, fmt.Errorf("dial the loopback: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	in, err := listener.Accept()
	if err != nil {
		return 0, fmt.Errorf("accept the loopback: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	arrived := make(chan arrival, 1)
	go receive(in, messages, arrived)
	return send(out, messages, rest, arrived)
}

// arrival is when a message was there.
type arrival struct {
	at  time.Time
	err error
}

func receive(in io.Reader, messages int, arrived chan<- arrival) {
	message := make([]byte, MessageBytes)
	for range messages {
		_, err := io.ReadFull(in, message)
		arrived <- arrival{time.Now(), err}
		if err != nil {
			return
		}
	}
}

func send(out io.Writer, messages int, rest time.Duration, arrived <-chan arrival) (median time.Duration, err error) {
	message, times := make([]byte, MessageBytes), make([]time.Duration, 0, messages)
	for range messages {
		time.Sleep(rest)
		begun := time.Now()
		if _, err := out.Write(message); err != nil {
			return 0, fmt.Errorf("send over the loopback: %w", err)
		}
		a := <-arrived
		if a.err != nil {
			return 0, fmt.Errorf("receive over the loopback: %w", a.err)
		}
		times = append(times, a.at.Sub(begun))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// Each is the median of nine averages of the time that a function takes.
func Each(times int, function func()) time.Duration {
	const rounds = 9
	var averages []time.Duration
	for range rounds {
		begun := time.Now()
		for range times {
			function()
		}
		averages = append(averages, time.Since(begun)/time.Duration(times))
	}
	slices.Sort(averages)
	return averages[rounds/2]
}
