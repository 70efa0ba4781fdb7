package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// report is what of bench's JSON is compared.
type report struct {
	Rows []struct {
		What, Ours, Other string
		Metric            string
		Pairs             []struct {
			Ours struct {
				Nanos  float64 `json:"ns_per_event"`
				Allocs float64 `json:"allocs_per_event"`
				Delay  float64 `json:"delay_p50_ns"`
				Tail   float64 `json:"delay_p99_ns"`
			}
		}
	}
}

// writeRows writes our side of each row of time as a line of `go test -bench`.
func writeRows(to io.Writer, text []byte) error {
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("read the rows of bench: %w", err)
	}
	if _, err := fmt.Fprintln(to, "pkg: leafmesh/bench"); err != nil {
		return err
	}
	for _, row := range r.Rows {
		name := strings.ReplaceAll("Benchmark"+row.What+"/"+row.Ours+"/"+row.Other, " ", "_")
		for _, pair := range row.Pairs {
			figures := ""
			switch ours := pair.Ours; row.Metric {
			case "throughput", "time":
				figures = fmt.Sprintf("%g ns/op %g allocs/op", ours.Nanos, ours.Allocs)
			case "delay":
				figures = fmt.Sprintf("%g ns/op", ours.Delay)
			case "delay p99":
				figures = fmt.Sprintf("%g ns/op", ours.Tail)
			default:
				continue
			}
			if _, err := fmt.Fprintln(to, name, 1, figures); err != nil {
				return err
			}
		}
	}
	return nil
}
