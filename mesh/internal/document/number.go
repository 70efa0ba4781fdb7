package document

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"time"

	"github.com/goccy/go-yaml/ast"
)

var (
	leadingZeros = regexp.MustCompile(`^[-+]?0[0-9_]`)
	digits       = regexp.MustCompile(`^[-+]?[0-9][0-9_]*$`)
	durationForm = regexp.MustCompile(`^[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`)
	daysOrWeeks  = regexp.MustCompile(`^[-+]?[0-9.]+ *([dw]|days?|weeks?)\b`)
)

const withoutZeros = "write it without them"

// LeadingZeros reports whether a number begins with zeros that it does not need, "0100". YAML 1.1
// reads 64, which is octal, and people read 100: it is neither then.
func LeadingZeros(text string) bool { return leadingZeros.MatchString(text) }

// zeros reports a number with leading zeros. A text in quotes is no number.
func (d *decoder) zeros(node ast.Node, path string) bool {
	if isQuoted(node) || !LeadingZeros(sourceOf(node)) {
		return false
	}
	d.problem(node, path, "the number has leading zeros, which some read as octal", withoutZeros)
	return true
}

// zerosWithin reports numbers with leading zeros in a value that the library decodes.
func (d *decoder) zerosWithin(node ast.Node, path string) (found bool) {
	for _, kind := range []ast.NodeType{ast.IntegerType, ast.FloatType} {
		for _, number := range ast.Filter(kind, node) {
			found = d.zeros(number, path) || found
		}
	}
	return found
}

// sourceOf gives a single value as it stands in the document, without quotes.
func sourceOf(node ast.Node) string {
	if scalar, ok := node.(ast.ScalarNode); ok {
		return scalar.GetToken().Value
	}
	return ""
}

func (d *decoder) integer(node ast.Node, target reflect.Value, path string) {
	number, isInteger := node.(*ast.IntegerNode)
	tooLong := !isQuoted(node) && digits.MatchString(sourceOf(node)) // for the library it is a text then
	switch {
	case d.zeros(node, path):
	case isInteger && setInteger(number, target):
	case isInteger || tooLong:
		d.problem(node, path, "the number is out of range", rangeOf(target))
	case isQuoted(node) && digits.MatchString(sourceOf(node)):
		d.misfit(node, path, "a whole number", "write it without quotes")
	default:
		d.misfit(node, path, "a whole number", "write digits, as in 100")
	}
}

// rangeOf says which numbers a target takes.
func rangeOf(target reflect.Value) string {
	bits := target.Type().Bits()
	if target.CanInt() {
		return fmt.Sprintf("write one from %d to %d", int64(-1)<<(bits-1), int64(math.MaxInt64)>>(64-bits))
	}
	return fmt.Sprintf("write one from 0 to %d", uint64(math.MaxUint64)>>(64-bits))
}

func setInteger(node *ast.IntegerNode, target reflect.Value) bool {
	var value uint64
	negative := false
	switch v := node.Value.(type) {
	case int64:
		value, negative = uint64(v), v < 0
	case uint64:
		value = v
	}
	if target.CanInt() {
		if (!negative && value > math.MaxInt64) || target.OverflowInt(int64(value)) {
			return false
		}
		target.SetInt(int64(value))
		return true
	}
	if negative || target.OverflowUint(value) {
		return false
	}
	target.SetUint(value)
	return true
}

func (d *decoder) float(node ast.Node, target reflect.Value, path string) {
	switch n := node.(type) {
	case *ast.FloatNode:
		if !d.zeros(node, path) {
			target.SetFloat(n.Value)
		}
	case *ast.IntegerNode:
		if d.zeros(node, path) {
			return
		}
		switch v := n.Value.(type) {
		case int64:
			target.SetFloat(float64(v))
		case uint64:
			target.SetFloat(float64(v))
		}
	default:
		remedy := "write digits, as in 100 or 2.5"
		if isQuoted(node) {
			remedy = "write it without quotes"
		}
		d.misfit(node, path, "a finite number", remedy)
	}
}

func (d *decoder) duration(node ast.Node, target reflect.Value, path string) {
	text, _ := textOf(node)
	duration, err := time.ParseDuration(text)
	switch {
	case LeadingZeros(text) && (err == nil || !isQuoted(node)):
		d.problem(node, path, "the duration has leading zeros", withoutZeros)
	case err == nil:
		target.SetInt(int64(duration))
	case daysOrWeeks.MatchString(text):
		d.misfit(node, path, "a duration", "the longest unit is h: write a day as 24h, a week as 168h")
	case durationForm.MatchString(text): // and yet it is none
		d.problem(node, path, "the duration is out of range", "write at most 2562047h, which is 292 years")
	default:
		d.misfit(node, path, "a duration", "write a number with a unit, as in 500ms, 10s or 5m")
	}
}
