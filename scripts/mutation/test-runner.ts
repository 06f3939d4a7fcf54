import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

export type RunRequest = {
  /** The file that differs from the run before. */
  readonly changedFile: string
  readonly test: string
}

export type RunResult =
  | { readonly kind: 'passed' }
  /** With the title of the first test that failed. */
  | { readonly kind: 'failed'; readonly by: string }
  | { readonly kind: 'timed_out' }

export type TestRunner = AsyncDisposable & {
  /** Runs one test file, until its first failure or the limit. */
  run(request: RunRequest, limitMs: number): Promise<RunResult>
}

const startLimitMs = 120_000

/** Starts the session in the folder; one that exceeds a limit is killed and started again. */
export function startTestRunner(folder: string): TestRunner {
  let session: Promise<ChildProcess> | undefined

  async function start(): Promise<ChildProcess> {
    const child = fork(path.join(folder, 'scripts/mutation/test-session.ts'), {
      cwd: folder,
      // A group of its own: workers that hang are killed with it.
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    await answerOf(child, startLimitMs)
    return child
  }

  return {
    async run(request, limitMs) {
      session ??= start()
      const child = await session
      const answer = answerOf(child, limitMs)
      child.send(request)
      const result = await answer
      if (result.kind !== 'timed_out') return result
      session = undefined
      await kill(child)
      return result
    },
    async [Symbol.asyncDispose]() {
      const child = await session
      if (!child) return
      const exit = once(child, 'exit')
      child.disconnect()
      await exit
    },
  }
}

/** The next message of the process. Throws when it ends instead. */
function answerOf(child: ChildProcess, limitMs: number): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>()
  const onExit = () => reject(new Error('the session of the tests has ended'))
  const timer = setTimeout(() => resolve({ kind: 'timed_out' }), limitMs)
  child.once('message', resolve)
  child.once('exit', onExit)
  return promise.finally(() => {
    clearTimeout(timer)
    child.off('message', resolve)
    child.off('exit', onExit)
  })
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  await exit
}
