package document

import (
	"encoding"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
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
			d.misfit(node, path, "a single value", "write one value")
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
	switch {
	case target.Kind() == reflect.String:
		if text, ok := textOf(node); ok {
			target.SetString(text)
			return
		}
		remedy := "put it in quotes"
		if _, single := node.(ast.ScalarNode); !single {
			remedy = "write one text"
		}
		d.misfit(node, path, "a text", remedy)
	case target.Kind() == reflect.Bool:
		if boolean, ok := node.(*ast.BoolNode); ok {
			target.SetBool(boolean.Value)
			return
		}
		d.misfit(node, path, "true or false", boolRemedy(node))
	case target.Type() == reflect.TypeFor[time.Duration]():
		d.duration(node, target, path)
	case target.CanInt() || target.CanUint():
		d.integer(node, target, path)
	case target.CanFloat():
		d.float(node, target, path)
	default:
		d.misfit(node, path, "a value of an unknown kind", "")
	}
}

// misfit reports a value of another shape than the one that belongs there. What
// the field itself says of it (the tag remedy) is better than remedy.
func (d *decoder) misfit(node ast.Node, path, wanted, remedy string) {
	if own := d.remedies[path]; own != "" {
		remedy = own
	}
	d.problem(node, path, describe(node)+" stands where "+wanted+" belongs", remedy)
}

// boolRemedy says what to write for what was probably meant: YAML 1.1 had more
// words for true and false.
func boolRemedy(node ast.Node) string {
	text, isText := textOf(node)
	switch strings.ToLower(text) {
	case "true", "false":
		if isQuoted(node) {
			return "write it without quotes"
		}
	case "yes", "on", "y":
		return "write true"
	case "no", "off", "n":
		return "write false"
	}
	if !isText {
		return "write true or false"
	}
	return "write true or false, without quotes"
}

// isQuoted reports whether a text stands in quotes.
func isQuoted(node ast.Node) bool {
	t := node.GetToken()
	return t != nil && (t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType)
}
