// Package completion says what may come next on a command line, out of the grammar that parses it,
// and has the scripts by which shells ask for it.
package completion

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Candidate is a word that may come next, and what it is for.
type Candidate struct{ Word, Help string }

// Values gives the words that a flag or an argument may have beside those of its enum; nil if they
// are not known.
type Values func(name string) []string

// Candidates gives what the last of some words may become. The words are those behind the program's
// name. None are files, or nothing that the grammar knows.
func Candidates(root *kong.Node, words []string, values Values) []Candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	// bash makes three words of --output=json.
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "=" })
	last := words[len(words)-1]
	c := cursor{node: root}
	for _, w := range words[:len(words)-1] {
		c.pass(w)
	}
	var found []Candidate
	switch name, _, valued := strings.Cut(last, "="); {
	case c.pending != nil:
		found = valuesOf(c.pending.Value, values)
	case valued && strings.HasPrefix(last, "--"):
		if f := c.flag(name); f != nil {
			for _, v := range valuesOf(f.Value, values) {
				found = append(found, Candidate{name + "=" + v.Word, v.Help})
			}
		}
	case strings.HasPrefix(last, "-"):
		found = c.flags()
	default:
		found = c.next(values)
	}
	return slices.DeleteFunc(found, func(c Candidate) bool { return !strings.HasPrefix(c.Word, last) })
}

// cursor is how far the words lead into the grammar.
type cursor struct {
	node    *kong.Node
	args    int        // that were passed
	pending *kong.Flag // whose value comes next
	passed  []string   // names of flags
}

// pass goes on by one word.
func (c *cursor) pass(word string) {
	if c.pending != nil {
		c.pending = nil
		return
	}
	if strings.HasPrefix(word, "-") {
		name, _, valued := strings.Cut(word, "=")
		if f := c.flag(name); f != nil {
			c.passed = append(c.passed, f.Name)
			if !f.IsBool() && !valued {
				c.pending = f
			}
		}
		return
	}
	for _, child := range c.node.Children {
		if child.Name == word {
			c.node, c.args = child, 0
			return
		}
	}
	c.args++
}

// scopes are the nodes whose flags may be given: the default command's too, unless another was
// named.
func (c *cursor) scopes() (list []*kong.Node) {
	if c.node.DefaultCmd != nil {
		list = append(list, c.node.DefaultCmd)
	}
	for n := c.node; n != nil; n = n.Parent {
		list = append(list, n)
	}
	return list
}

func (c *cursor) flag(word string) *kong.Flag {
	for _, n := range c.scopes() {
		for _, f := range n.Flags {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

// flags gives those that may still be given.
func (c *cursor) flags() (found []Candidate) {
	for _, n := range c.scopes() {
		for _, f := range n.Flags {
			if !f.Hidden && (f.IsCumulative() || !slices.Contains(c.passed, f.Name)) {
				found = append(found, Candidate{"--" + f.Name, f.Help})
			}
		}
	}
	return found
}

// next gives the commands, or what the next argument may be.
func (c *cursor) next(values Values) (found []Candidate) {
	for _, child := range c.node.Children {
		if !child.Hidden && c.args == 0 {
			found = append(found, Candidate{child.Name, child.Help})
		}
	}
	args := c.node.Positional
	switch {
	case c.args < len(args):
		found = append(found, valuesOf(args[c.args], values)...)
	case len(args) > 0 && args[len(args)-1].IsCumulative():
		found = append(found, valuesOf(args[len(args)-1], values)...)
	}
	return found
}

func valuesOf(v *kong.Value, values Values) (found []Candidate) {
	words := values(v.Name)
	if v.Enum != "" {
		words = v.EnumSlice()
	}
	for _, word := range words {
		found = append(found, Candidate{Word: word})
	}
	return found
}
