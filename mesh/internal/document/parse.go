package document

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a document. Measured with go-yaml 1.19.2 on a shared core: 10,000
// keys in one mapping parse in 1.5 s, and twice as many in 4.6 s; 128 KiB of "["
// take over 4 GB.
const (
	MaxBytes = 1 << 20
	MaxKeys  = 10_000
	MaxDepth = 64
)

// ByteOrderMark stands at the start of what some editors save. It says nothing in
// UTF-8.
const ByteOrderMark = "\ufeff"

// parse gives the root of the only document in data, nil for an empty one.
func parse(data []byte) (root ast.Node, problems []Problem) {
	// The library has panicked on odd input before. A file that it cannot
	// handle is a bad file, not a reason to crash.
	defer func() {
		if reason := recover(); reason != nil {
			problems = []Problem{{Line: 1, Text: "the YAML parser gave up on this file", Remedy: "simplify it"}}
		}
	}()
	if len(data) > MaxBytes {
		return nil, []Problem{{Line: 1, Text: fmt.Sprintf("the file is larger than %d bytes", MaxBytes), Remedy: "make it smaller"}}
	}
	if !utf8.Valid(data) {
		return nil, []Problem{{Line: 1, Text: "the file is not UTF-8 text", Remedy: "save it as UTF-8"}}
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(data), ByteOrderMark))
	if problems := scan(tokens); problems != nil {
		return nil, problems
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // Duplicates are ours to report.
	if err != nil {
		return nil, []Problem{syntaxProblem(err)}
	}
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		if root != nil {
			return nil, []Problem{secondDocument(document.Body.GetToken().Position.Line)}
		}
		root = document.Body
	}
	return root, nil
}

// scan refuses, before anything is built of them, tokens that a strict document
// does not have and ones that would make the parser costly.
func scan(tokens token.Tokens) (problems []Problem) {
	var keys, depth, line, entries, documents int
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.DocumentHeaderType:
			if documents++; documents > 1 {
				return append(problems, secondDocument(line))
			}
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.MappingValueType:
			keys++
		}
		if depth > MaxDepth || entries > MaxDepth {
			return append(problems, Problem{Line: line, Text: fmt.Sprintf("values are nested more than %d deep", MaxDepth), Remedy: "flatten them"})
		}
		if keys > MaxKeys {
			return append(problems, Problem{Line: line, Text: fmt.Sprintf("the file has more than %d keys", MaxKeys), Remedy: "make it smaller"})
		}
		if what, remedy := refused(t.Type); what != "" && len(problems) < maxProblems {
			problems = append(problems, Problem{Line: line, Text: what + " are not allowed here", Remedy: remedy})
		}
	}
	return problems
}

func secondDocument(line int) Problem {
	return Problem{Line: line, Text: "a second document begins here", Remedy: "keep one document in the file"}
}

// refused names the features of YAML that a strict document does without.
func refused(kind token.Type) (what, remedy string) {
	switch kind {
	case token.AnchorType, token.AliasType:
		return "anchors and aliases", "write the value out (quote a text that begins with & or *)"
	case token.MergeKeyType:
		return "merge keys", "write the keys out"
	case token.TagType:
		return "tags", "quote the value if it is a text"
	case token.MappingKeyType:
		return "keys after a question mark", "write key: value"
	case token.DirectiveType:
		return "directives", "remove the line (quote a text that begins with %)"
	}
	return "", ""
}

// syntaxProblem takes the message and the line of the library's error. Its full
// text shows the source around the error, where a secret may stand.
func syntaxProblem(err error) Problem {
	line, text := 1, "it cannot be parsed"
	if syntax, ok := errors.AsType[yaml.Error](err); ok {
		text = syntax.GetMessage()
		if t := syntax.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
	}
	return Problem{Line: line, Text: "not YAML: " + text, Remedy: "check the indentation, quotes and brackets"}
}
