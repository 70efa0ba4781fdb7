// Package huntfile is the definition of a treasure hunt and its file format.
//
// # Guarantees
//
//   - [Load] is strict: a key it does not know, a key given twice, a value of the wrong kind or a
//     second document is an error.
//   - A hunt that passed [Hunt.Validate] can be played to its end: ids are unique, every clue has
//     an answer that a team can give, every clue opens for a team that solves whatever is open to
//     it, and the finish can be reached.
//   - All problems are reported at once, joined; each is a [*mesh.FieldError] with file, line,
//     field and a remedy.
//   - A written hunt reads back equal: [Hunt.Write] then [Load].
//   - Nothing here starts goroutines. A Hunt is plain data; read it from as many goroutines as you
//     like.
//
// Not promised: that a hunt is fun. docs/hunt-file.md describes the format,
// configs/sample-hunt.yaml is one to play.
package huntfile
