package document

import (
	"encoding"
	"math"
	"reflect"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// describe says what a node is, for a person.
func describe(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode:
		return "a whole number"
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "something else"
}

// textOf gives the text of a text node.
func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// text decodes a single value into a type that reads its own text. Numbers and
// booleans are texts to it.
func (d *decoder) text(node ast.Node, target reflect.Value, path string) {
	text, ok := textOf(node)
	if !ok {
		scalar, isScalar := node.(ast.ScalarNode)
		if !isScalar {
			d.problem(node, path, describe(node)+" stands where a single value belongs", "")
			return
		}
		text = scalar.GetToken().Value
	}
	if err := target.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
		d.problem(node, path, err.Error(), "")
	}
}

// scalar decodes a single value into a basic type. It converts nothing: a port
// in quotes is a text, a name without quotes that reads as a number is one.
func (d *decoder) scalar(node ast.Node, target reflect.Value, path string) {
	wanted, remedy, done := "", "", false
	switch kind := target.Kind(); {
	case kind == reflect.String:
		wanted, remedy = "a text", "put it in quotes"
		text, ok := textOf(node)
		if done = ok; ok {
			target.SetString(text)
		}
	case kind == reflect.Bool:
		wanted, remedy = "true or false", "write it without quotes"
		boolean, ok := node.(*ast.BoolNode)
		if done = ok; ok {
			target.SetBool(boolean.Value)
		}
	case target.Type() == reflect.TypeFor[time.Duration]():
		wanted, remedy = "a duration", "write a number with a unit, as in 500ms, 10s or 5m"
		text, _ := textOf(node)
		duration, err := time.ParseDuration(text)
		if done = err == nil; done {
			target.SetInt(int64(duration))
		}
	case target.CanInt() || target.CanUint():
		wanted, remedy = "a whole number", "write one in the range of "+kind.String()
		done = setInteger(node, target)
	case target.CanFloat():
		wanted, remedy = "a finite number", "write it without quotes"
		done = setFloat(node, target)
	default:
		wanted = "a value of an unknown kind"
	}
	switch got := describe(node); {
	case done:
	case got == wanted: // The kind is right, so the range is not.
		d.problem(node, path, "the number is out of range", remedy)
	default:
		d.problem(node, path, got+" stands where "+wanted+" belongs", remedy)
	}
}

func setInteger(node ast.Node, target reflect.Value) bool {
	integer, ok := node.(*ast.IntegerNode)
	if !ok {
		return false
	}
	var value uint64
	negative := false
	switch v := integer.Value.(type) {
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

func setFloat(node ast.Node, target reflect.Value) bool {
	switch n := node.(type) {
	case *ast.FloatNode:
		target.SetFloat(n.Value)
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			target.SetFloat(float64(v))
		case uint64:
			target.SetFloat(float64(v))
		}
	default:
		return false
	}
	return true
}
