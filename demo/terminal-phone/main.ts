// Entry of the phone in the terminal: `npm run phone`.

import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { shownPasscode } from './passcode.ts'
import { appWithoutPush, registerApp } from './push-token.ts'
import { loadPhone, savePhone } from './stored-phone.ts'
import { enroll, live, type PhoneDependencies } from './terminal-phone.ts'

const usage = `npm run phone -- [options]

  --uri <uri>        enroll with the \`uri\` of an enrollment, in quotes; by default the last phone is reused
  --name <name>      name of the phone (Terminal phone)
  --simulator <url>  enroll with a push token of this push simulator (its control address)
  --file <file>      where it stores its keys (.countersign/phone.json); one phone per file
  --passcode         show the current code, for a sign-in without a network, and end
  --help             this text

It is for trying things out: it claims the enrollment, asks for the number, then lists the pending
requests and approves or denies.`

const options = {
  uri: { type: 'string' },
  name: { type: 'string', default: 'Terminal phone' },
  simulator: { type: 'string' },
  file: { type: 'string', default: path.join('.countersign', 'phone.json') },
  passcode: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const lookEveryMs = 1_000

/** Lines of standard input, typed or piped. */
function openKeyboard() {
  const keyboard = createInterface({ input: process.stdin })
  const lines = keyboard[Symbol.asyncIterator]()
  let isClosed = false
  const closing = once(keyboard, 'close').then(() => {
    isClosed = true
  })
  return {
    close: () => keyboard.close(),
    async pause(): Promise<boolean> {
      await Promise.race([delay(lookEveryMs), closing])
      return !isClosed
    },
    async ask(question: string): Promise<string | null> {
      process.stdout.write(question)
      const { value, done } = await lines.next()
      return done ? null : value.trim()
    },
  }
}

async function main(): Promise<void> {
  const { uri, name, simulator, file, passcode, help } = parseArgs({ options }).values
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  if (help) return say(usage)
  const keyboard = openKeyboard()
  const dependencies: PhoneDependencies = {
    say,
    ask: keyboard.ask,
    save: (phone) => savePhone(file, phone),
    pause: keyboard.pause,
  }
  try {
    const join = async (address: string) => {
      const app = simulator === undefined ? appWithoutPush : await registerApp(simulator)
      return enroll(address, { name, ...app }, dependencies)
    }
    const phone = uri === undefined ? await loadPhone(file) : await join(uri)
    if (!phone) throw new Error(`There is no phone in ${file} yet: give --uri.\n\n${usage}`)
    if (passcode) return say(shownPasscode(phone.account) ?? 'The tenant allows no passcodes.')
    process.exitCode = (await live(phone, dependencies)) ? 0 : 1
  } finally {
    keyboard.close()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
