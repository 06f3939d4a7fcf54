/** In milliseconds. */
export type Percentiles = { readonly p50: number; readonly p95: number; readonly p99: number }

/** Nearest-rank percentiles; null of nothing. */
export function percentilesOf(samplesMs: readonly number[]): Percentiles | null {
  if (samplesMs.length === 0) return null
  const at = (share: number) => round(percentileOf(samplesMs, share))
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

/** The same of one share, not rounded; NaN of nothing. */
export function percentileOf(samples: readonly number[], share: number): number {
  const ascending = Float64Array.from(samples).sort()
  return ascending[Math.ceil(share * ascending.length) - 1] ?? Number.NaN
}

/** To hundredths: no clock here is better than that. */
export function round(value: number): number {
  return Math.round(value * 100) / 100
}
