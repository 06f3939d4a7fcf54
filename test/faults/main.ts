// npm run faults: kills, cuts, hangs and hostile requests against a whole service; exits with 1 at
// a violation.

import { parseArgs } from 'node:util'
import { campaigns } from './campaigns.ts'
import { createChance } from './chance.ts'
import { openScene } from './scene.ts'

const usage = `npm run faults -- [options]

  --minutes <n>     total time; the campaigns share it evenly (default 5)
  --only <names>    some campaigns, separated by commas: ${Object.keys(campaigns).join(', ')}
  --people <n>      users who sign in concurrently (default 8)
  --seed <n>        repeats the choices of an earlier run, not its timing (default: of the clock)

Everything is started here, on loopback, and ended again. Exit code 1: something did not hold.`

function readOptions() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      only: { type: 'string' },
      people: { type: 'string', default: '8' },
      seed: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const names = values.only?.split(',') ?? Object.keys(campaigns)
  const [minutes, people] = [Number(values.minutes), Number(values.people)]
  const seed = Number(values.seed ?? Date.now() % 2 ** 31)
  const isSound =
    minutes > 0 &&
    minutes <= 24 * 60 &&
    people >= 1 &&
    people <= 64 &&
    Number.isInteger(seed) &&
    names.every((name) => Object.hasOwn(campaigns, name))
  return { ...values, names, minutes, people, seed, isSound }
}

async function main(): Promise<void> {
  const { help, isSound, names, minutes, people, seed } = readOptions()
  if (help || !isSound) {
    console.log(usage)
    process.exitCode = help ? 0 : 2
    return
  }
  console.log(`seed ${seed}`)
  const seconds = (minutes * 60) / names.length
  for (const name of names) {
    const campaign = campaigns[name]
    if (!campaign) continue
    await using scene = await openScene(people)
    const { counts, violations } = await campaign(scene, createChance(seed), seconds)
    const numbers = Object.entries(counts).map(([what, count]) => `${count} ${what}`)
    console.log(`${name}: ${numbers.join(', ')}; ${violations.length} violations`)
    for (const one of violations) console.log(`  - ${one}`)
    if (violations.length > 0) process.exitCode = 1
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
