import { percentileOf } from './percentiles.ts'
import type { Slice } from './side.ts'

/** A side's part of one turn, with the processor time that it used while the others had theirs. */
export type TurnPart = Slice & { readonly betweenMs: number }

/** A ratio over all turns, and how much the turns differ. */
export type Ratio = {
  readonly overall: number
  /** Two standard errors of it; null for a single turn. */
  readonly margin: number | null
  readonly median: number
  readonly min: number
  readonly max: number
}

/** What a side costs and does, as ratios of another one's. */
export type Ratios = {
  readonly processorTime: Ratio
  readonly loops: Ratio
  readonly decisionP50: Ratio
  readonly decisionP99: Ratio
}

type Figure = (parts: readonly TurnPart[]) => number

function sumOf(parts: readonly TurnPart[], key: Exclude<keyof TurnPart, 'decisions'>): number {
  return parts.reduce((sum, part) => sum + part[key], 0)
}

/** Milliseconds of processor time a loop; NaN where no loop ended. */
export const serviceMsPerLoop: Figure = (parts) =>
  perLoop(sumOf(parts, 'serviceMs'), sumOf(parts, 'loops'))

/** The same of PostgreSQL. */
export const databaseMsPerLoop: Figure = (parts) =>
  perLoop(sumOf(parts, 'databaseMs'), sumOf(parts, 'loops'))

/** Of both, while the other sides had their part; in no ratio. */
export const betweenMsPerLoop: Figure = (parts) =>
  perLoop(sumOf(parts, 'betweenMs'), sumOf(parts, 'loops'))

export const loopsPerSecond: Figure = (parts) => sumOf(parts, 'loops') / (sumOf(parts, 'ms') / 1000)

const decisionMsAt =
  (share: number): Figure =>
  (parts) =>
    percentileOf(
      parts.flatMap(({ decisions }) => decisions),
      share,
    )

/** Milliseconds from sending the answer until the relying party has the outcome. */
export const decisionP50Ms = decisionMsAt(0.5)
export const decisionP99Ms = decisionMsAt(0.99)

function perLoop(ms: number, loops: number): number {
  return loops === 0 ? Number.NaN : ms / loops
}

const processorTime: Figure = (parts) => serviceMsPerLoop(parts) + databaseMsPerLoop(parts)

/** One side compared with another one that ran the same turns. Null when a turn saw no loop end. */
export function ratiosOf(one: readonly TurnPart[], other: readonly TurnPart[]): Ratios | null {
  if (one.length === 0 || [...one, ...other].some(({ loops }) => loops === 0)) return null
  return {
    processorTime: ratioOf(processorTime, one, other),
    loops: ratioOf(loopsPerSecond, one, other),
    decisionP50: ratioOf(decisionP50Ms, one, other),
    decisionP99: ratioOf(decisionP99Ms, one, other),
  }
}

function ratioOf(figure: Figure, one: readonly TurnPart[], other: readonly TurnPart[]): Ratio {
  const turns = one.flatMap((part, turn) => {
    const beside = other[turn]
    return beside ? [figure([part]) / figure([beside])] : []
  })
  const ascending = turns.toSorted((a, b) => a - b)
  const at = (index: number) => ascending[index] ?? Number.NaN
  const middle = (ascending.length - 1) / 2
  return {
    overall: figure(one) / figure(other),
    margin: marginOf(figure, one, other),
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(ascending.length - 1),
  }
}

/** By the jackknife: how far the ratio moves when each turn is left out. */
function marginOf(
  figure: Figure,
  one: readonly TurnPart[],
  other: readonly TurnPart[],
): number | null {
  const count = one.length
  if (count < 2) return null
  const without = (parts: readonly TurnPart[], turn: number) => parts.toSpliced(turn, 1)
  const ratios = one.map((_, turn) => figure(without(one, turn)) / figure(without(other, turn)))
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / count
  const squares = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0)
  return 2 * Math.sqrt(((count - 1) / count) * squares)
}
