package console

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"leafmesh/mesh/config"
)

// MayChange implements Changer: each node looks what its own file lets the operator do.
func (e *Everywhere) MayChange(ctx context.Context) (answers []Answer[bool]) {
	for _, a := range ask[config.Rights](ctx, e, "may", nil) {
		answers = append(answers, Answer[bool]{a.Node, a.Value.May == config.MayChange, a.Err})
	}
	return answers
}

// SetLimit implements Changer.
func (e *Everywhere) SetLimit(ctx context.Context, node string, c config.LimitChange) error {
	return e.change(ctx, node, "limit.set", c)
}

// place is what a node takes for one to cut or to restore.
type place struct {
	Type  string `json:"type"`
	Place string `json:"place"`
}

// Cut implements Changer.
func (e *Everywhere) Cut(ctx context.Context, node, subject, at string) error {
	return e.change(ctx, node, "cut", place{subject, at})
}

// Restore implements Changer.
func (e *Everywhere) Restore(ctx context.Context, node, subject, at string) error {
	return e.change(ctx, node, "restore", place{subject, at})
}

// ReplayLetter implements Changer.
func (e *Everywhere) ReplayLetter(ctx context.Context, node, key string) error {
	return e.one(ctx, node, "letter.replay", []byte(key))
}

// DropLetter implements Changer.
func (e *Everywhere) DropLetter(ctx context.Context, node, key string) error {
	return e.one(ctx, node, "letter.drop", []byte(key))
}

func (e *Everywhere) change(ctx context.Context, node, question string, asked any) error {
	body, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("write the question: %w", err)
	}
	return e.one(ctx, node, question, body)
}

// one asks one node. Its name comes from a page, and becomes a part of a subject.
func (e *Everywhere) one(ctx context.Context, node, question string, body []byte) error {
	if node == "" || strings.ContainsFunc(node, func(r rune) bool { return r <= ' ' || strings.ContainsRune(".*>", r) }) {
		return fmt.Errorf("no node has the name %.80q", node)
	}
	return e.Mesh.AskOne(ctx, node, question, body).Err
}
