import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { anyPort } from './free-port.ts'
import { RelyingParty } from './relying-party.ts'
import { forget, startStack } from './stack.ts'
import { type Stage, type Story, stories } from './stories.ts'
import { createTimeline } from './story-timeline.ts'

const storyTimeoutMs = 15_000

/**
 * Plays every story on its own installation, which is removed afterwards, and prints the events
 * with their times. Resolves to whether all stories went as expected.
 */
export async function runHeadless(folder: string | null, say: (line: string) => void) {
  const home = folder ?? (await mkdtemp(path.join(tmpdir(), 'countersign-demo-')))
  say('Starting Countersign with a database of its own and simulated APNs and FCM ...')
  const begin = performance.now()
  try {
    const stack = await startStack(home, await anyPort())
    say(
      `Ready after ${((performance.now() - begin) / 1000).toFixed(1)} s at ${stack.service.origin}`,
    )
    const { simulator, pushes, account } = stack
    const stage = { party: new RelyingParty(account), pushes, pushLog: simulator.log }
    try {
      return await playAll(stage, say)
    } finally {
      await stack.stop()
    }
  } finally {
    if (folder === null) await forget(home)
  }
}

async function playAll(stage: Stage, say: (line: string) => void): Promise<boolean> {
  const failures: string[] = []
  for (const [index, story] of stories.entries()) {
    say(`\n${index + 1}  ${story.title}`)
    const fault = await playOne(stage, story, say)
    if (fault !== null) failures.push(`${story.title}: ${fault}`)
  }
  const summary = `${stories.length - failures.length} of ${stories.length} stories went as they had to.`
  say(`\n${summary}`)
  for (const fault of failures) say(`FAILED  ${fault}`)
  return failures.length === 0
}

/** Null, or why the story did not end as expected. */
async function playOne(
  stage: Stage,
  { play }: Story,
  say: (line: string) => void,
): Promise<string | null> {
  const timeline = createTimeline()
  const outcome = await Promise.race([
    play(stage, timeline).then(
      (ending) => ({ ending, fault: null }),
      (error: unknown) => ({ ending: 'failed', fault: messageOf(error) }),
    ),
    timeout().then(() => ({ ending: 'failed', fault: `no end after ${storyTimeoutMs} ms` })),
  ])
  for (const line of timeline.lines()) say(line)
  say(
    `${outcome.fault === null ? 'ok' : 'FAILED'}: ${outcome.fault ?? outcome.ending}`.padStart(11),
  )
  return outcome.fault
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function timeout(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, storyTimeoutMs).unref())
}
