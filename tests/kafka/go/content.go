// content.go -- what the clients of this folder share: what a partition has, and failing.
package main

import (
	"crypto/sha256"
	"fmt"
	"log"
	"os"
)

// What a partition has: how many records, and the hash of their keys and values in order.
type content struct {
	count int64
	hash  [32]byte
}

func (c *content) add(key, value []byte) {
	c.count++
	c.hash = sha256.Sum256(append(append(append([]byte{}, c.hash[:]...), key...), value...))
}

func must(err error) {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
}

func check(ok bool, format string, words ...any) {
	if !ok {
		must(fmt.Errorf(format, words...))
	}
}
