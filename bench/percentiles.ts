/** In milliseconds. */
export type Percentiles = { readonly p50: number; readonly p95: number; readonly p99: number }

/** Nearest-rank percentiles; null of nothing. */
export function percentilesOf(samplesMs: readonly number[]): Percentiles | null {
  if (samplesMs.length === 0) return null
  const ascending = Float64Array.from(samplesMs).sort()
  const at = (share: number) => round(ascending[Math.ceil(share * ascending.length) - 1] ?? 0)
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

/** To hundredths: no clock here is better than that. */
export function round(value: number): number {
  return Math.round(value * 100) / 100
}
