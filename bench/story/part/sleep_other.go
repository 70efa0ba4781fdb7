//go:build !linux

package part

import "time"

func sleep(d time.Duration) { time.Sleep(d) }
