// npm run timings: whether the pages of a prompt take as long for a name that somebody has as for
// one that nobody has; exits with 1 where they do not, or look different.

import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { kinds, steps, type Times, timePrompts, type Views } from './timed-prompts.ts'
import { openTimingScene } from './timing-scene.ts'
import { compare, isAlike, medianOf, tMax } from './welch.ts'

const usage = `npm run timings -- [options]

  --people <n>   known people, and as many unknown names (1000)

Everything is started here, on loopback, and ended again. Each step is measured once a person, in
random order. Exit code 1: known and unknown can be told apart by a time (|t| of Welch of ${tMax} or
more, of all or of the faster nine tenths), a status, a header or a byte of a page.`

function readPeople(): number | null {
  const { values } = parseArgs({
    options: {
      people: { type: 'string', default: '1000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const people = Number(values.people)
  return !values.help && Number.isInteger(people) && people >= 2 && people <= 100_000
    ? people
    : null
}

/** Prints the figures; true when nothing tells the kinds apart. */
function report(times: Times, views: Views): boolean {
  const row = (...cells: readonly string[]) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(20) : cell.padStart(12))).join('')
  console.log(row('median, ms', ...kinds, 't', 't, fast', 'views'))
  let isWell = true
  for (const step of steps) {
    const { known: ofPeople, unknown: ofStrangers } = times[step]
    const comparison = compare(ofPeople, ofStrangers)
    const allViews = new Set([...views[step].known, ...views[step].unknown])
    const isSame = allViews.size === 1
    isWell &&= isSame && isAlike(comparison)
    const { t, tOfFast } = comparison
    const medians = [medianOf(ofPeople), medianOf(ofStrangers)].map((ms) => ms.toFixed(2))
    const verdict = isSame ? 'same' : 'different'
    console.log(row(step, ...medians, t.toFixed(2), tOfFast.toFixed(2), verdict))
    if (!isSame) for (const view of allViews) console.log(view)
  }
  return isWell
}

async function main(): Promise<void> {
  const people = readPeople()
  if (people === null) {
    console.log(usage)
    process.exitCode = process.argv.includes('--help') ? 0 : 2
    return
  }
  console.log(`${people} known people, ${people} unknown names, ${cpus().length} cores`)
  await using scene = await openTimingScene()
  const { times, views } = await timePrompts(scene, people, (done) => {
    if (done % 100 === 0) console.error(`${done} of ${people}`)
  })
  if (!report(times, views)) process.exitCode = 1
}

await main()
