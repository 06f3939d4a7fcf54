// What somebody sees who sends Entra's forms for names, and how long each answer takes.

import { randomInt, randomUUID } from 'node:crypto'
import { viewOf } from '../prompts/prompt-views.ts'
import { aTimedBrowser, type TimedAnswer, type TimedBrowser } from './timed-browser.ts'
import type { TimingScene } from './timing-scene.ts'

/** Where the time of an answer is measured. */
export const steps = [
  'authorize',
  'page',
  'page at once again',
  'page later',
  'code',
  'cancel',
] as const
export type Step = (typeof steps)[number]

export const kinds = ['known', 'unknown'] as const
type Kind = (typeof kinds)[number]

export type Times = Readonly<Record<Step, Readonly<Record<Kind, number[]>>>>
/** What was seen at each step, without what differs at each load. */
export type Views = Readonly<Record<Step, Readonly<Record<Kind, Set<string>>>>>

const forEachStep = <T>(create: () => T) =>
  Object.fromEntries(steps.map((step) => [step, { known: create(), unknown: create() }])) as Record<
    Step,
    Record<Kind, T>
  >

function shuffle<T>(values: T[]): T[] {
  for (let at = values.length - 1; at > 0; at--) {
    const other = randomInt(at + 1)
    ;[values[at], values[other]] = [values[other] as T, values[at] as T]
  }
  return values
}

/** People of either kind in one batch; each batch ends before the next begins. */
const batchPeople = 25
/** Browsers that act at a time where that may be: an answer to a code takes half a second. */
const browserCount = 8

type Visit = {
  readonly kind: Kind
  readonly form: Readonly<Record<string, string>>
  readonly jar: Map<string, string>
  path: string
}

type Act = (visit: Visit, browser: TimedBrowser) => Promise<void>

/**
 * Visits the prompts of so many known people and as many unknown ones, in random order. Each known
 * person has a phone of their own, so that each is really asked.
 */
export async function timePrompts(
  scene: TimingScene,
  people: number,
  tell: (done: number) => void,
): Promise<{ readonly times: Times; readonly views: Views }> {
  const times: Times = forEachStep(() => [])
  const views: Views = forEachStep(() => new Set<string>())
  const browsers = Array.from({ length: browserCount }, () => aTimedBrowser(scene.origin))
  const [browser = aTimedBrowser(scene.origin)] = browsers
  const keep = (step: Step, { kind, path }: Visit, answer: TimedAnswer) => {
    times[step][kind].push(answer.ms)
    views[step][kind].add(JSON.stringify(viewOf(answer, path)))
  }

  async function arrive(visit: Visit): Promise<void> {
    const target = `/t/${scene.tenantId}/oidc/authorize`
    const answer = await browser.send(target, visit.jar, visit.form, 'cross-site')
    visit.path = answer.headers.get('location') ?? ''
    keep('authorize', visit, answer)
    keep('page', visit, await browser.send(visit.path, visit.jar))
    keep('page at once again', visit, await browser.send(visit.path, visit.jar))
  }

  /** In random order, as many at a time as there are browsers. */
  async function inTurns(visits: readonly Visit[], act: Act): Promise<void> {
    const waiting = shuffle([...visits])
    const go = async (own: TimedBrowser) => {
      for (let visit = waiting.pop(); visit; visit = waiting.pop()) await act(visit, own)
    }
    await Promise.all(browsers.map(go))
  }

  async function batch(size: number): Promise<void> {
    const owners = await enrollPeople(scene, size)
    const strangers = Array.from({ length: size }, () => randomUUID())
    const prepare = async (kind: Kind, oid: string): Promise<Visit> => {
      return { kind, form: await scene.formOf(oid), jar: new Map(), path: '' }
    }
    const visits = await Promise.all([
      ...owners.map((oid) => prepare('known', oid)),
      ...strangers.map((oid) => prepare('unknown', oid)),
    ])
    for (const visit of shuffle(visits)) await arrive(visit)
    await inTurns(visits, async (visit, own) => {
      keep('page later', visit, await own.send(visit.path, visit.jar))
    })
    await inTurns(visits, async (visit, own) => {
      keep('code', visit, await own.send(`${visit.path}/code`, visit.jar, { code: '123456' }))
    })
    await inTurns(visits, async (visit, own) => {
      keep('cancel', visit, await own.send(`${visit.path}/cancel`, visit.jar, {}))
    })
  }

  try {
    // Code and caches are cold at first.
    await batch(batchPeople)
    for (const step of steps) for (const kind of kinds) times[step][kind].length = 0
    for (let done = 0; done < people; done += batchPeople) {
      await batch(Math.min(batchPeople, people - done))
      tell(Math.min(people, done + batchPeople))
    }
  } finally {
    for (const one of browsers) one.close()
  }
  return { times, views }
}

async function enrollPeople(scene: TimingScene, size: number): Promise<string[]> {
  const names = Array.from({ length: size }, () => randomUUID())
  for (const name of names) await scene.enroll(name)
  return names
}
