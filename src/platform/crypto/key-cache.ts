import type { KeyObject } from 'node:crypto'

/**
 * LRU cache of keys that are expensive to import. Holds keys only: whether one may still be used is
 * checked each time.
 */
export class KeyCache {
  readonly #keys = new Map<string, KeyObject>()
  readonly #sizeMax: number

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  get(name: string): KeyObject | undefined {
    const key = this.#keys.get(name)
    if (key) {
      this.#keys.delete(name)
      this.#keys.set(name, key)
    }
    return key
  }

  set(name: string, key: KeyObject): void {
    this.#keys.delete(name)
    this.#keys.set(name, key)
    if (this.#keys.size <= this.#sizeMax) return
    const [oldest] = this.#keys.keys()
    if (oldest !== undefined) this.#keys.delete(oldest)
  }

  get size(): number {
    return this.#keys.size
  }
}
