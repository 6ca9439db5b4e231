// content.mjs -- what the clients of this folder share: what a partition has, and waiting.
import { createHash } from 'node:crypto'

// How many records, and the hash of their keys and values in order.
export class Content {
  count = 0
  hash = createHash('sha256')

  add (key, value) {
    this.count++
    this.hash.update(Buffer.from(key)).update(Buffer.from(value))
  }

  same (other) {
    return this.count === other.count &&
      this.hash.copy().digest('hex') === other.hash.copy().digest('hex')
  }
}

export function valueOf (word, i) {
  return `${word} ${i} `.repeat(i % 30)
}

export function check (ok, text) {
  if (!ok) {
    console.error(text)
    process.exit(1)
  }
}

export async function until (what, done) {
  for (let i = 0; i < 600 && !done(); i++) {
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  check(done(), `not within a minute: ${what}`)
}
