// Whether two series of times can be told apart (Welch 1947; as dudect applies it, Reparaz et al.
// 2017).

/** Beyond this, dudect calls a difference of times one: chance gives it in 1 of 100,000 cases. */
export const tMax = 4.5

const meanOf = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** The squared standard error of the mean. */
function squaredErrorOf(values: readonly number[], mean: number): number {
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return squares / (values.length - 1) / values.length
}

/** Welch's t of two series of at least two values: positive where the first is slower. */
export function welchT(one: readonly number[], other: readonly number[]): number {
  const [mean, otherMean] = [meanOf(one), meanOf(other)]
  const squaredError = squaredErrorOf(one, mean) + squaredErrorOf(other, otherMean)
  return (mean - otherMean) / Math.sqrt(squaredError)
}

/** The value below which this share of both series is, together. */
function limitOf(one: readonly number[], other: readonly number[], share: number): number {
  const ascending = [...one, ...other].toSorted((a, b) => a - b)
  return ascending[Math.ceil(share * ascending.length) - 1] ?? Number.NaN
}

/** What tells two series apart. */
export type Comparison = {
  readonly t: number
  /** Of the faster nine tenths of all: what is slow for other reasons hides small differences. */
  readonly tOfFast: number
}

/** Compares two series of times. */
export function compare(one: readonly number[], other: readonly number[]): Comparison {
  const limit = limitOf(one, other, 0.9)
  const fast = (values: readonly number[]) => values.filter((value) => value <= limit)
  return { t: welchT(one, other), tOfFast: welchT(fast(one), fast(other)) }
}

/** True where an observer learns nothing of either figure; a figure that is none is no proof. */
export const isAlike = ({ t, tOfFast }: Comparison): boolean =>
  Math.abs(t) < tMax && Math.abs(tOfFast) < tMax

/** The middle value, for people. */
export function medianOf(values: readonly number[]): number {
  return limitOf(values, [], 0.5)
}
