package main

import "strconv"

// thousands writes a number with commas: 38,508.
func thousands(n int) string {
	if n < 0 {
		return "-" + grouped(uint64(-n))
	}
	return grouped(uint64(n))
}

// grouped is thousands for counters.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// counted writes a number with its noun: "1 team", "50 teams".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}
