import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { forget, startStack } from '../demo/stack.ts'
import type { enrollPhone } from './bench-phone.ts'
import { findService, type ServiceProcesses } from './process-time.ts'
import type { RelyingParty } from './relying-party.ts'
import type { Side } from './side.ts'
import type { signIn } from './sign-in.ts'

/**
 * What is loaded from a checkout: its own code, so that it speaks its own protocol. As far as it is
 * needed here it has the types of this checkout.
 */
type CheckoutCode = {
  readonly startStack: typeof startStack
  readonly forget: typeof forget
  readonly RelyingParty: typeof RelyingParty
  readonly enrollPhone: typeof enrollPhone
  readonly signIn: typeof signIn
}

/** Where each is, and its names over time: the newest name first. */
export type Places<Code> = Readonly<
  Record<keyof Code, { readonly file: string; readonly names: readonly string[] }>
>

const places: Places<CheckoutCode> = {
  startStack: { file: 'demo/stack.ts', names: ['startStack'] },
  forget: { file: 'demo/stack.ts', names: ['forget'] },
  RelyingParty: { file: 'bench/relying-party.ts', names: ['RelyingParty'] },
  enrollPhone: { file: 'bench/bench-phone.ts', names: ['enrollPhone', 'enrolPhone'] },
  signIn: { file: 'bench/sign-in.ts', names: ['signIn'] },
}

/** What plain sign-ins need of a checkout. */
export function loadCheckout(root: string): Promise<CheckoutCode> {
  return loadFrom(root, places)
}

/**
 * The code of a checkout of this project. Throws and names what is missing when it cannot be used.
 */
export async function loadFrom<Code>(root: string, neededPlaces: Places<Code>): Promise<Code> {
  if (!existsSync(path.join(root, places.signIn.file))) {
    throw new Error(`--beside: ${root} is no checkout of this project (it has no bench)`)
  }
  if (!existsSync(path.join(root, 'node_modules'))) {
    throw new Error(`--beside: ${root} has no packages: run npm ci there`)
  }
  const entries = await Promise.all(
    Object.entries<Places<Code>[keyof Code]>(neededPlaces).map(async ([key, { file, names }]) => {
      const url = pathToFileURL(path.join(root, file)).href
      const code = (await import(url)) as Readonly<Record<string, unknown>>
      const name = names.find((one) => typeof code[one] === 'function')
      if (!name) throw new Error(`--beside: ${file} of ${root} has no ${names.join(' or ')}`)
      return [key, code[name]] as const
    }),
  )
  return Object.fromEntries(entries) as Code
}

/**
 * Starts the service of a checkout as its own bench does, with a folder that is removed with it.
 */
export async function openCheckout(
  name: string,
  code: CheckoutCode,
  port: number,
  otherProcesses: readonly ServiceProcesses[],
): Promise<Side> {
  await using undo = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-bench-'))
  undo.defer(() => code.forget(folder))
  const { account, pushes, stop } = await code.startStack(folder, port, { relyingParty: 'first' })
  undo.defer(stop)
  const processes = findService(otherProcesses)
  const parts = undo.move()
  let users = 0
  return {
    name,
    processes,
    async enroll() {
      const party = new code.RelyingParty(account.origin, account.apiKey)
      const phone = await code.enrollPhone(party, `bench-${users++}`, 'apns', pushes)
      const close = () => {
        party.close()
        phone.close()
      }
      return { signIn: () => code.signIn(party, phone), close }
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}
