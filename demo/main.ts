// Entry of the demo: `npm run demo`.

import { runHeadless } from './headless.ts'
import { runInteractive } from './interactive.ts'
import { readOptions, usage } from './options.ts'

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/**
 * Node warns that stripTypeScriptTypes may change, which is of no use to anyone who looks at the
 * demo.
 */
function hideStrippingWarning(): void {
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (!warning.message.startsWith('stripTypeScriptTypes')) console.warn(warning)
  })
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (options.help) {
    say(usage)
    return
  }
  hideStrippingWarning()
  const run = options.headless ? runHeadless(options.folder, say) : runInteractive(options, say)
  process.exitCode = (await run) ? 0 : 1
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
