import type { CryptoKey } from 'jose'

/**
 * LRU cache of keys that are expensive to import. Holds keys only: whether one may still be used is
 * checked each time.
 */
export class KeyCache {
  readonly #keys = new Map<string, CryptoKey>()
  readonly #sizeMax: number

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  get(name: string): CryptoKey | undefined {
    const key = this.#keys.get(name)
    if (key) {
      this.#keys.delete(name)
      this.#keys.set(name, key)
    }
    return key
  }

  set(name: string, key: CryptoKey): void {
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
